// Lists every file under dropped entries; a folder that cannot be read becomes one failed item.

async function walk(entries, sentences) {
  const found = [];
  const waiting = [...entries];
  while (waiting.length) {
    const entry = waiting.pop();
    const name = entry.fullPath.replace(/^\//, "");
    try {
      if (entry.isFile) {
        found.push({ name, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
      } else {
        waiting.push(...(await children(entry)));
      }
    } catch (error) {
      found.push({ name, file: null, reason: sentences.say("unreadable", { error: error.message }) });
    }
  }
  return found.sort((one, other) => (one.name < other.name ? -1 : 1));
}

// Some browsers and programs drop a file without an entry in a file system.
function loose(file) {
  return { isFile: true, fullPath: file.name, file: (resolve) => resolve(file) };
}

async function children(folder) {
  const reader = folder.createReader();
  const entries = [];
  for (;;) {
    // Browsers hand out at most a hundred at a time.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return entries;
    entries.push(...some);
  }
}

function isHidden(name) {
  return name.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");
}

function numbered(name, number) {
  return number === 1 ? name : name.replace(/(\.[^./]*)?$/, (ending) => ` (${number})${ending}`);
}
