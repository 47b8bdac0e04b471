package leak

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Planted is the kind of a secret that is in an output on purpose: a search that does not
// find it has shown nothing.
const Planted = "planted"

// Finding is a secret in an output.
type Finding struct {
	// File is the output's name, Line counts from 1, and Kind says what was found.
	File string
	Line int
	Kind string
}

// Result is what a search came to.
type Result struct {
	// Findings are all secrets in all outputs, without those that were planted.
	Findings []Finding
	// Kinds counts the secrets that were looked for by their kinds, Files and Bytes what
	// they were looked for in.
	Kinds map[string]int
	Files int
	Bytes int64
}

// Search looks for every secret of a run in every output of it. It is an error if nothing was
// named or recorded, or if what was planted is not found.
func Search(folder string) (Result, error) {
	all, err := readSecrets(filepath.Join(folder, secrets))
	if err != nil {
		return Result{}, err
	}
	files, err := filepath.Glob(filepath.Join(folder, outputs, "*"))
	if err != nil {
		return Result{}, err
	}
	r := Result{Kinds: map[string]int{}}
	missing := map[string]bool{}
	for _, s := range all {
		r.Kinds[s.Kind]++
		if s.Kind == Planted {
			missing[s.Text] = true
		}
	}
	if len(missing) == 0 || len(missing) == len(all) {
		return r, errors.New("nothing was searched for: no secret was named")
	}
	x, known := newIndex(all), shapes()
	for _, file := range files {
		err := lines(file, func(number int, line []byte) {
			r.Bytes += int64(len(line))
			kinds := map[string]bool{}
			for _, form := range forms(line) {
				x.find(form, func(s Secret) {
					delete(missing, s.Text)
					kinds[s.Kind] = true
				})
				for _, s := range known {
					if !bytes.Contains(form, []byte(s.stem)) {
						continue
					}
					for _, match := range s.pattern.FindAll(form, -1) {
						kinds[s.kind] = kinds[s.kind] || s.is == nil || s.is(string(match))
					}
				}
			}
			for _, kind := range slices.Sorted(maps.Keys(kinds)) {
				if kinds[kind] && kind != Planted {
					r.Findings = append(r.Findings, Finding{filepath.Base(file), number, kind})
				}
			}
		})
		if err != nil {
			return r, err
		}
		r.Files++
	}
	if len(missing) > 0 {
		return r, fmt.Errorf("what was planted in %d places was not found in %d outputs: the search has shown nothing", len(missing), r.Files)
	}
	return r, nil
}

// readSecrets reads what the processes of a run have named.
func readSecrets(folder string) ([]Secret, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return nil, err
	}
	all := map[Secret]bool{}
	for _, file := range files {
		err := lines(file, func(_ int, line []byte) {
			var s Secret
			// A process that was killed may have left half a line.
			if json.Unmarshal(line, &s) == nil && len(s.Text) >= shortest {
				all[s] = true
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b Secret) int { return strings.Compare(a.Kind+a.Text, b.Kind+b.Text) }), nil
}

// lines calls each with the lines of a file, counted from 1.
func lines(file string, each func(int, []byte)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	r := bufio.NewReaderSize(f, 1<<20)
	for number := 1; ; number++ {
		line, err := r.ReadBytes('\n')
		if len(line) > 0 {
			each(number, bytes.TrimRight(line, "\r\n"))
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", file, err)
		}
	}
}
