/** `--quick`: a tenth of everything, to see that the bench works. Its figures mean little and are not written. */
export const isQuick = process.argv.includes('--quick')

export const scaled = (count: number): number => (isQuick ? Math.max(3, Math.ceil(count / 10)) : count)
