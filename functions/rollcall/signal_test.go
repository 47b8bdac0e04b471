package main

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestASnapshotThatIsTerminatedSaysWhatIsTrue ends the command as each of its objects
// appears, and some time after that.
func TestASnapshotThatIsTerminatedSaysWhatIsTrue(t *testing.T) {
	args := []string{"snapshot", "--demo", "--demo-users", "3000", "--run", "r", "--sink"}
	for _, object := range []string{"runs/*/*/part-*", "runs/*/*/manifest.json", "latest/*.json", "state/*/known/*.json"} {
		for i := range 3 {
			folder := t.TempDir()
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan struct{})
			go func() {
				for {
					select {
					case <-ended:
						return
					default:
					}
					if found, _ := filepath.Glob(filepath.Join(folder, object)); len(found) > 0 {
						time.Sleep(time.Duration(i) * time.Millisecond)
						cancel(errors.New("terminated signal received"))
						return
					}
				}
			}()
			var out, log bytes.Buffer
			p := &program{stdout: &out, stderr: &log}
			status := p.run(ctx, append(args, folder))
			close(ended)
			cancel(nil)
			latest, _ := filepath.Glob(filepath.Join(folder, "latest", "*.json"))
			published := len(latest) > 0
			if (status == complete) != published || strings.Contains(out.String(), `"status":"complete"`) != published {
				t.Errorf("%s, %d: status %d, published %t: %s%s", object, i, status, published, &out, &log)
			}
		}
	}
}
