package rotation

import (
	"maps"
	"slices"
	"time"
)

// The staging labels.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
	pending  = "AWSPENDING"
	// replaced is one of our own: it keeps the version that was AWSPREVIOUS before the last
	// rotation, until the client secret in it is removed. Secrets Manager forgets which one
	// that was at the moment in which the labels move.
	replaced = "ROLLCALL_REPLACED"
)

// Versions are the versions of a secret that have a staging label.
type Versions struct {
	// Rotates says that rotation is turned on, Every how often the secret is rotated, 0 where
	// Secrets Manager does not say in days.
	Rotates bool
	Every   time.Duration
	// Labels are the staging labels of each version by its id. A label is at one version.
	Labels map[string][]string
}

func (v Versions) has(version, label string) bool {
	return slices.Contains(v.Labels[version], label)
}

// holder returns the version that has a label, "" if none has.
func (v Versions) holder(label string) string {
	for id := range v.Labels {
		if v.has(id, label) {
			return id
		}
	}
	return ""
}

// ids are the ids of the versions in an order that does not change.
func (v Versions) ids() []string { return slices.Sorted(maps.Keys(v.Labels)) }

// expect checks that the secret is being rotated to a version.
func (v Versions) expect(version string) error {
	_, known := v.Labels[version]
	switch {
	case !v.Rotates:
		return &Error{"rotation of the secret is turned off", "turn it on with `aws secretsmanager rotate-secret`, which also rotates it"}
	case !known:
		return &Error{"the secret has no version of the event's ClientRequestToken", "start a rotation with `aws secretsmanager rotate-secret`, which makes one"}
	case v.has(version, previous) && v.has(version, pending):
		// Of a rotation that was finished. Finishing it once more would undo what somebody has
		// put into the secret since.
		return &Error{
			"the version of the event's ClientRequestToken was the current one already, and has been replaced by hand",
			"take the label AWSPENDING off it with `aws secretsmanager update-secret-version-stage --version-stage AWSPENDING --remove-from-version-id " + version + "`, and rotate again",
		}
	case !v.has(version, current) && !v.has(version, pending):
		return &Error{"the version of the event's ClientRequestToken is not AWSPENDING", "another rotation has begun since: let that one finish"}
	}
	return nil
}

// move moves a label, as Secrets Manager does: AWSPREVIOUS follows AWSCURRENT.
func (v Versions) move(label, to string) Versions {
	from := v.holder(label)
	moved := Versions{Rotates: v.Rotates, Every: v.Every, Labels: map[string][]string{}}
	for id, labels := range v.Labels {
		labels = slices.DeleteFunc(slices.Clone(labels), func(one string) bool {
			return one == label || label == current && one == previous
		})
		if id == to {
			labels = append(labels, label)
		}
		if id == from && label == current {
			labels = append(labels, previous)
		}
		if len(labels) > 0 {
			moved.Labels[id] = labels
		}
	}
	return moved
}
