/** Sums vitest's JSON report up; null when it wrote none. Whatever ended badly counts as at least one failure. */
export function count(report, exitCode) {
  if (report === null) return { passed: 0, failed: 1 };
  // A file that can't be loaded has no failed test of its own.
  const broken = report.testResults.filter((f) => f.status === 'failed' && !f.assertionResults.some((a) => a.status === 'failed')).length;
  const failed = report.numFailedTests + broken;
  return { passed: report.numPassedTests, failed: failed === 0 && exitCode !== 0 ? 1 : failed };
}
