package publisher

import "runtime/debug"

// TuneMemory sets the garbage collector for publishing in a function of this many
// bytes of memory, 0 where that is not known. It changes the process; main calls
// it once. What lives is the ids and a few large buffers, and little becomes
// garbage: collecting it early costs next to nothing and keeps the peak down.
func TuneMemory(bytes int64) {
	debug.SetGCPercent(5)
	if bytes > 0 {
		debug.SetMemoryLimit(bytes / 10 * 9) // the rest is not the collector's
	}
}
