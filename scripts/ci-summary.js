// Reads vitest's JSON report and ends with `tests: N passed, N failed, N skipped`: `node scripts/ci-summary.js FILE`.
// Runs on Node 20. Exit code 1 when a test failed, none ran, or a service was missing though REQUIRE_SERVICES is set.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const [file = ''] = process.argv.slice(2);
const counts = { passed: 0, failed: 0, skipped: 0 };
const lines = [];
let missingServices = 0;

for (const suite of readReport()) {
  const name = relative(process.cwd(), suite.name);
  const tests = suite.assertionResults ?? [];
  // A file that does not even load has no tests to count, and would else pass for none.
  if (suite.status === 'failed' && !tests.some(({ status }) => status === 'failed')) {
    counts.failed += 1;
    lines.push(`failed: ${name} as a whole: ${firstLine(suite.message)}`);
  }
  for (const { status, fullName } of tests) count(status, `${name}: ${fullName}`);
}

if (counts.passed + counts.failed === 0) {
  counts.failed = 1;
  lines.push('failed: no test ran');
}
for (const line of lines) console.log(line);
console.log(`tests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 || missingServices > 0 ? 1 : 0;

function count(status, name) {
  if (status === 'passed') counts.passed += 1;
  else if (status === 'failed') {
    counts.failed += 1;
    lines.push(`failed: ${name}`);
  } else {
    counts.skipped += 1;
    // A suite that needs a service says so in its name: `store postgres (needs TEST_POSTGRES_URL)`.
    const isService = /needs TEST_\w+_URL/.test(name) && process.env.REQUIRE_SERVICES === '1';
    if (isService) missingServices += 1;
    lines.push(`${isService ? 'skipped, though REQUIRE_SERVICES=1' : 'skipped'}: ${name}`);
  }
}

function readReport() {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).testResults ?? [];
  } catch (error) {
    counts.failed += 1;
    lines.push(`failed: there is no report of the tests: ${error instanceof Error ? error.message : error}`);
    return [];
  }
}

function firstLine(text) {
  return String(text ?? '').split('\n')[0] ?? '';
}
