// Before the first paint, so that a chosen theme does not flash. By file, because the policy allows no inline script.
try {
  const theme = localStorage.getItem('offpeak.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's theme it is.
}
