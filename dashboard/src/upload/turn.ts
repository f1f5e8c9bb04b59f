/**
 * Lets the page do what waits. By a message, because browsers slow timers down to one a second in a tab that is not
 * looked at, and a large file would take hours there.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
