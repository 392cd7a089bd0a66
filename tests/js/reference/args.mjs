const TEXTS = ["host", "parser", "release"];
const LISTS = ["origin"];

/** Reads `--name value` and `--flag` arguments; every value option is a whole number except those in `TEXTS`, and in
 * `LISTS`, which may be repeated. */
export function parseArguments(argv, flags, defaults) {
  const options = { ...defaults };
  for (let i = 0; i < argv.length; i += 1) {
    const name = argv[i].replace(/^--/, "");
    if (argv[i].startsWith("--") && flags.includes(name)) {
      options[name] = true;
      continue;
    }
    const value = argv[i + 1];
    i += 1;
    if (!argv[i - 1].startsWith("--") || !(name in defaults) || value === undefined) {
      throw new Error(`unexpected argument ${argv[i - 1]}`);
    }
    if (LISTS.includes(name)) {
      options[name] = [...options[name], value];
    } else if (TEXTS.includes(name)) {
      options[name] = value;
    } else if (/^\d+$/.test(value)) {
      options[name] = Number(value);
    } else {
      throw new Error(`--${name} takes a whole number`);
    }
  }
  return options;
}
