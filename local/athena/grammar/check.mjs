// Parses statements with Trino's grammar. Reads a JSON object {name: sql} from standard input and writes a JSON
// object {name: [{line, column, message}]} that holds the statements with errors.
//
// Usage: node check.mjs FOLDER, where FOLDER/node_modules holds dt-sql-parser.

import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

// The package's modules name each other without the ending of the file.
registerHooks({
  resolve(specifier, context, next) {
    for (const ending of ["", ".js", "/index.js"]) {
      try {
        return next(specifier + ending, context);
      } catch (error) {
        if (ending === "/index.js") throw error;
      }
    }
  },
});

const packages = resolve(process.argv[2], "node_modules");
const load = (path) => import(pathToFileURL(`${packages}/${path}`).href);
const { CharStreams, CommonTokenStream } = await load("antlr4ng/dist/index.mjs");
const { TrinoSqlLexer } = await load("dt-sql-parser/dist/lib/trino/TrinoSqlLexer.js");
const { TrinoSqlParser } = await load("dt-sql-parser/dist/lib/trino/TrinoSqlParser.js");

class Errors {
  found = [];
  syntaxError(_recognizer, _symbol, line, column, message) {
    this.found.push({ line, column, message });
  }
  reportAmbiguity() {}
  reportAttemptingFullContext() {}
  reportContextSensitivity() {}
}

function errorsOf(sql) {
  const errors = new Errors();
  // The grammar spells its keywords in capitals; what is in quotes is no keyword.
  const lexer = new TrinoSqlLexer(CharStreams.fromString(sql));
  const parser = new TrinoSqlParser(new CommonTokenStream(lexer));
  for (const part of [lexer, parser]) {
    part.removeErrorListeners();
    part.addErrorListener(errors);
  }
  const program = parser.program();
  // The rule takes any number of statements, also none.
  const count = program.children.filter((child) => child.ruleContext !== undefined).length;
  if (count !== 1) errors.found.push({ line: 1, column: 0, message: `${count} statements instead of one` });
  return errors.found;
}

const statements = JSON.parse(readFileSync(0, "utf-8"));
const failures = {};
for (const [name, sql] of Object.entries(statements)) {
  const found = errorsOf(sql);
  if (found.length > 0) failures[name] = found;
}
process.stdout.write(JSON.stringify(failures));
