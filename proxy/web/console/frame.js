// Work on the document, at most once for each frame however often it is asked for. In a hidden page nothing is painted,
// so nothing is done.

/**
 * @param {() => void} work
 * @returns {() => void} Asks for `work` to be done before the next frame is painted.
 */
export function oncePerFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}
