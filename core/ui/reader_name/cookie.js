// Keeps the reader's name in this browser for a year. It is no secret and opens nothing: it only names who reads.

const YEAR_SECONDS = 365 * 24 * 3600;

export default function ({ data }) {
  const value = data.name ? encodeURIComponent(data.name) : "";
  const age = data.name ? YEAR_SECONDS : 0;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${data.cookie}=${value}; Path=/; Max-Age=${age}; SameSite=Strict${secure}`;
}
