/**
 * Under a crash test the process ends, with no chance to tidy up, when it passes a named point for the n-th time:
 * `OFFPEAK_CRASH_AT=C10` or `C14:250`. Without the variable this is an empty function.
 */
export function crashpoint(env: NodeJS.ProcessEnv): (name: string) => void {
  const [point, nth] = (env.OFFPEAK_CRASH_AT ?? '').split(':');
  if (!point) return () => {};
  let left = Number(nth ?? 1);
  return (name) => {
    if (name === point && --left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
