// Puts the desk's own words, which come with a component's data, where they are shown; counts as the language counts.

class Sentences {
  constructor({ words, language }) {
    this.words = words;
    this.numbers = new Intl.NumberFormat(language);
    this.plurals = new Intl.PluralRules(language);
  }

  // A sentence with its {placeholders} filled in.
  say(name, values = {}) {
    return this.words[name].replace(/\{(\w+)\}/g, (whole, value) => values[value] ?? whole);
  }

  // The form that belongs to a count; forms are given for numbers of every kind that languages tell apart.
  count(name, count, values = {}) {
    const forms = this.words[name];
    const kind = this.plurals.select(count);
    const sample = Object.keys(forms).find((number) => this.plurals.select(Number(number)) === kind);
    const form = forms[sample ?? Object.keys(forms).at(-1)];
    return form.replace(/\{(\w+)\}/g, (whole, value) => ({ count: this.number(count), ...values })[value] ?? whole);
  }

  number(value) {
    return this.numbers.format(value);
  }

  // Elements name their words in data-words, and those of their attributes in data-title and data-label.
  fill(root) {
    for (const part of root.querySelectorAll("[data-words]")) part.textContent = this.words[part.dataset.words];
    for (const part of root.querySelectorAll("[data-title]")) part.title = this.words[part.dataset.title];
    for (const part of root.querySelectorAll("[data-label]")) {
      part.setAttribute("aria-label", this.words[part.dataset.label]);
    }
  }
}
