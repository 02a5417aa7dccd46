import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvLine } from './csv.ts';

test('cells are quoted where they must be', () => {
  assert.equal(csvLine(['a', 'b c', null, 5, '', '你好']), 'a,b c,,5,,你好\r\n');
  assert.equal(
    csvLine(['a,b', 'say "hi"', 'two\nlines', 'r\r']),
    '"a,b","say ""hi""","two\nlines","r\r"\r\n',
  );
});

test('no text is run as a formula; numbers stay numbers', () => {
  for (const first of ['=', '+', '-', '@', '\t', '＝', '＋', '－', '＠']) {
    assert.equal(csvLine([`${first}SUM(A1)`]), `'${first}SUM(A1)\r\n`);
  }
  assert.equal(csvLine(['\r=1']), '"\'\r=1"\r\n');
  assert.equal(csvLine(['=HYPERLINK("x","y")']), '"\'=HYPERLINK(""x"",""y"")"\r\n');
  assert.equal(csvLine(['1-2', 'a=b', -5]), '1-2,a=b,-5\r\n');
});
