package config

import (
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Problem is something that is wrong with a variable. It never quotes a value that
// could be secret.
type Problem struct {
	// Variable is the name of the variable.
	Variable string
	// Text says what is wrong, Remedy what to write instead ("" if Text says so).
	Text, Remedy string
}

// String returns the problem on one line.
func (p Problem) String() string {
	if p.Remedy == "" {
		return p.Variable + ": " + p.Text
	}
	return p.Variable + ": " + p.Text + "; " + p.Remedy
}

// Error is all problems of a configuration, ordered by variable.
type Error struct {
	Problems []Problem
}

// Name returns the public name of the error, "Config.Invalid".
func (e *Error) Name() string { return "Config.Invalid" }

// Error returns one line per problem.
func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return "configuration: " + e.Problems[0].String()
	}
	var b strings.Builder
	b.WriteString("configuration:")
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// LogValue logs the problems as a list of texts.
func (e *Error) LogValue() slog.Value {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.String()
	}
	return slog.GroupValue(slog.String("name", e.Name()), slog.Any("problems", texts))
}

// complaint is what a type says about a value. The collector adds the variable.
type complaint struct{ text, remedy string }

func (c *complaint) Error() string { return c.text }

// collector collects problems.
type collector struct{ problems []Problem }

func (c *collector) add(variable, text, remedy string) {
	c.problems = append(c.problems, Problem{variable, text, remedy})
}

// complain adds what err says about a variable: complaints as they are, joined
// errors one by one, other errors by their text.
func (c *collector) complain(variable string, err error) {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, one := range joined.Unwrap() {
			c.complain(variable, one)
		}
		return
	}
	var said *complaint
	if errors.As(err, &said) {
		c.add(variable, said.text, said.remedy)
		return
	}
	c.add(variable, err.Error(), "")
}

// parsed adds the problems that env found in the settings: it names a field, not its
// variable. A variable that has a problem already is not reported once more.
func (c *collector) parsed(err error, settings any) {
	if err == nil {
		return
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		c.complain("environment", err)
		return
	}
	for _, one := range all.Errors {
		var parse env.ParseError
		if !errors.As(one, &parse) {
			c.complain("environment", one)
			continue
		}
		field, _ := reflect.TypeOf(settings).Elem().FieldByName(parse.Name)
		if variable := field.Tag.Get("env"); !c.has(variable) {
			c.complain(variable, parse.Err)
		}
	}
}

// has reports whether a variable has a problem.
func (c *collector) has(variable string) bool {
	return slices.ContainsFunc(c.problems, func(p Problem) bool { return p.Variable == variable })
}

// err returns the [Error], nil if nothing is wrong.
func (c *collector) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(c.problems, func(a, b Problem) int { return strings.Compare(a.Variable, b.Variable) })
	return &Error{Problems: c.problems}
}

// nearest returns the known name with the fewest edits from name, the first one of
// several. It ignores case.
func nearest(name string, known []string) string {
	best, least := "", -1
	for _, candidate := range known {
		if d := distance(strings.ToUpper(name), candidate); least < 0 || d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		corner := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := corner
			if a[i-1] != b[j-1] {
				cost++
			}
			corner = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
