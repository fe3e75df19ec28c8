/** A shared helper for pauses, in a file of its own: an explanation names its line. */
export async function pauseOfAnotherFile(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
