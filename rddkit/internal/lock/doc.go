// Package lock gives a folder one writer at a time: among goroutines, processes
// and machines that share a file system, NFS included, where flock and the
// atomicity of O_EXCL cannot be relied on.
//
// A lock is a folder of claims with the numbers 1, 2, 3, … in their names. The
// highest claim says who holds the lock, or that it is free. Who wants it writes
// a file of its own and links it (link(2), which one process wins) to the next
// number, allowed once the highest claim is free or stale; then it verifies that
// no number above came to be and that the claim before is the one it judged, and
// removes those below. The highest claim is never removed, so a number is never
// given twice to two that hold, however long any of them slept in between. One
// small file stays behind when a lock is free; the folder may be deleted while
// nobody is at work.
//
// A holder rewrites its claim every few seconds. Its claim is stale
//
//   - at once, if it was made under this system's start and process namespace and
//     that process is gone;
//   - never, if that process is known to live (it may be stopped, or the machine
//     slept);
//   - else if the file's time is [Silence] beats behind that of a file written
//     just now on the same file system (clocks of machines are not compared) and
//     did not move while it was watched for two beats more.
//
// A holder that was judged stale and comes back finds the next number taken:
// [Lock.Check] before every write, and [Lock.Lost] at the next beat, tell it.
package lock
