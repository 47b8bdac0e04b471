package vault

import (
	"bytes"
	"maps"
	"slices"
	"time"
)

// The staging labels that Secrets Manager itself moves.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
	pending  = "AWSPENDING"
)

// secret is a secret with its versions. One without a label is gone at once; Secrets Manager
// deletes it some time later.
type secret struct {
	versions []*version
	refusal  string // an error code instead of an answer
	rotates  bool
	days     int // between two rotations
}

type version struct {
	id      string
	text    *string
	binary  []byte
	created time.Time
	stages  []string
}

// empty reports whether the version has no value yet, as at the start of a rotation.
func (v *version) empty() bool { return v.text == nil && v.binary == nil }

func (v *version) same(other *version) bool {
	if v.text != nil && other.text != nil {
		return *v.text == *other.text
	}
	return v.text == nil && other.text == nil && bytes.Equal(v.binary, other.binary)
}

// byID finds a version by its id, nil for none.
func (s *secret) byID(id string) *version {
	return s.find(func(v *version) bool { return v.id == id })
}

// byStage finds the version that has a label, nil for none.
func (s *secret) byStage(stage string) *version {
	return s.find(func(v *version) bool { return slices.Contains(v.stages, stage) })
}

func (s *secret) find(is func(*version) bool) *version {
	if i := slices.IndexFunc(s.versions, is); i >= 0 {
		return s.versions[i]
	}
	return nil
}

// label moves a label to a version. The one that AWSCURRENT leaves becomes AWSPREVIOUS.
func (s *secret) label(stage string, to *version) {
	from := s.byStage(stage)
	if from == to {
		return
	}
	if from != nil {
		from.unlabel(stage)
	}
	if to != nil {
		to.stages = append(to.stages, stage)
	}
	if stage == current {
		s.label(previous, from)
		if to != nil {
			to.unlabel(previous)
		}
	}
	s.versions = slices.DeleteFunc(s.versions, func(v *version) bool { return len(v.stages) == 0 })
}

func (v *version) unlabel(stage string) {
	v.stages = slices.DeleteFunc(v.stages, func(one string) bool { return one == stage })
}

// stages are the labels of the versions by id.
func (s *secret) stages() map[string][]string {
	all := map[string][]string{}
	for _, v := range s.versions {
		all[v.id] = slices.Clone(v.stages)
	}
	return maps.Clone(all)
}
