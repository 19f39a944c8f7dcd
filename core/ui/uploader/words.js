// Sizes and times as a reader wants them.

function size(bytes, sentences) {
  const [unit, amount] = bytes >= 1e9 ? ["gigabytes", bytes / 1e9] : ["megabytes", bytes / 1e6];
  return sentences.say(unit, { amount: sentences.number(amount) });
}

function duration(seconds, sentences) {
  const [unit, amount] = seconds < 90 ? ["seconds", seconds] : ["minutes", seconds / 60];
  return sentences.say(unit, { amount: sentences.number(Math.ceil(amount)) });
}

function sum(items, value) {
  return items.reduce((total, item) => total + value(item), 0);
}
