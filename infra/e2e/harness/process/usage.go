package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// CPU is the processor time that a process has used, over all its threads, from
// Linux's scheduler: /proc/<pid>/stat counts in hundredths of a second only.
func CPU(pid int) (time.Duration, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // it has ended
		}
		var on int64
		if _, err := fmt.Sscan(string(text), &on); err != nil {
			return 0, fmt.Errorf("%s: %w", thread, err)
		}
		sum += time.Duration(on)
	}
	if sum == 0 {
		return 0, errors.New("the processor time of a process is read from /proc, on Linux")
	}
	return sum, nil
}

// PeakRSS is the most memory, in bytes, that a process ever had resident.
func PeakRSS(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("the memory of a process is read from /proc, on Linux: %w", err)
	}
	_, figure, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscan(figure, &kib); err != nil {
		return 0, fmt.Errorf("VmHWM: %w", err)
	}
	return kib << 10, nil
}
