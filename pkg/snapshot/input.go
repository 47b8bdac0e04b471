package snapshot

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Input is what a run is started with. All of it is optional.
type Input struct {
	// Run names the run: [A-Za-z0-9._-]{1,80}, colons are left out. A run that is
	// done answers with its result. Default: the time and Request.
	Run string `json:"run,omitempty"`
	// Resume is <run>.<slice>: where an earlier result said to go on.
	Resume string `json:"resume,omitempty"`
	// Tenant is the GUID of a tenant of the tenants file.
	Tenant string `json:"tenant,omitempty"`
	// Accept is a run that was found suspect and is published all the same.
	Accept string `json:"accept,omitempty"`

	// Request is the id of the invocation. It is not of the caller's making.
	// Default: a random number.
	Request string `json:"-"`
}

// InputError is an input that names no run.
type InputError struct{ Field, Reason string }

// Error names the field and what it has to be.
func (e *InputError) Error() string { return fmt.Sprintf("%s %s", e.Field, e.Reason) }

// Name returns the public name of the error.
func (e *InputError) Name() string { return "Request.Invalid" }

var runName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,80}$`)

// IsRun reports whether a text can be the name of a run.
func IsRun(name string) bool { return runName.MatchString(name) }

// parse says which slice of which run is asked for. Slices count from 1.
func (in Input) parse(now time.Time) (run string, slice int, err error) {
	const form = "is not of the form [A-Za-z0-9._-]{1,80}"
	run = strings.ReplaceAll(in.Run, ":", "")
	if accept := strings.ReplaceAll(in.Accept, ":", ""); accept != "" {
		switch {
		case !runName.MatchString(accept):
			return "", 0, &InputError{"accept", form}
		case in.Resume != "":
			return "", 0, &InputError{"resume", "cannot go with accept: leave one of them out"}
		}
		return accept, 1, nil
	}
	if in.Resume == "" {
		if run == "" {
			run = now.UTC().Format("20060102T150405Z") + "-" + cmp.Or(in.Request, store.Nonce())
		}
		if !runName.MatchString(run) {
			return "", 0, &InputError{"run", form}
		}
		return run, 1, nil
	}
	dot := strings.LastIndexByte(in.Resume, '.')
	if dot < 0 || !runName.MatchString(in.Resume[:dot]) {
		return "", 0, &InputError{"resume", "is not of the form <run>.<slice>; give it as the last result has it"}
	}
	slice, err = strconv.Atoi(in.Resume[dot+1:])
	if err != nil || slice < 1 || run != "" && run != in.Resume[:dot] {
		return "", 0, &InputError{"resume", "is not of the form <run>.<slice> of this run; give it as the last result has it"}
	}
	return in.Resume[:dot], slice, nil
}
