/**
 * A page in linkedom's DOM: `dom.ts FUNCTION` reads HTML from standard input, calls the function, whose text is given,
 * with the document, and prints what it returns.
 */

import { parseHTML } from "linkedom";

const page = await new Response(Deno.stdin.readable).text();
// Deno knows no types of a DOM.
const { document } = parseHTML(page) as unknown as { document: unknown };
const ask = new Function(`return (${Deno.args[0]})(...arguments)`);
console.log(JSON.stringify(ask(document)));
