// Counts, sizes and times as a reader wants them.

function number(value) {
  return value.toLocaleString("en");
}

function count(value, noun) {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}

function size(bytes) {
  return bytes >= 1e9 ? `${number(bytes / 1e9)} GB` : `${number(bytes / 1e6)} MB`;
}

function duration(seconds) {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}

function sum(items, value) {
  return items.reduce((total, item) => total + value(item), 0);
}
