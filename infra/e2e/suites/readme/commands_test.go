package readme_test

import (
	"fmt"
	"strings"
)

// document is the part of a README that can be run.
type document struct {
	text     string
	commands []command
}

// command is one line that the README gives to be typed.
type command struct {
	line   int
	text   string
	plan   plan
	output string // what the line names as the file for its output, "" for none
}

// plan is how a command is run.
type plan int

const (
	unknown  plan = iota
	makeRun       // for real
	makeElse      // make -n
	export        // replaced by the simulated tenant's values
	server        // in the background
	client        // for real
)

// parse reads the commands of a README. An unknown command is an error, and so is
// a block of commands under another name than sh.
func parse(text string) (*document, error) {
	d := &document{text: text}
	language, inside, begun := "", false, ""
	for n, line := range strings.Split(text, "\n") {
		if after, ok := strings.CutPrefix(line, "```"); ok {
			inside, language = !inside, after
			if inside && (language == "bash" || language == "shell" || language == "console") {
				return nil, fmt.Errorf("line %d: write ```sh, so that the commands are run by this test", n+1)
			}
			continue
		}
		if !inside || language != "sh" {
			continue
		}
		if before, more := strings.CutSuffix(line, "\\"); more {
			begun += before
			continue
		}
		c := command{line: n + 1, text: strings.TrimSpace(begun + line)}
		begun = ""
		if c.text == "" || strings.HasPrefix(c.text, "#") {
			continue
		}
		if err := c.understand(); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		d.commands = append(d.commands, c)
	}
	return d, nil
}

// program is how people without an installed rollcall call it.
const program = "go run ./functions/rollcall"

// The examples of docs/examples, as the README calls them.
const (
	goExample     = "go run ./docs/examples/go"
	pythonExample = "docs/examples/python/load.py"
)

// understand plans a command, whatever its quoted texts are.
func (c *command) understand() error {
	bare := strings.ReplaceAll(unquoted(c.text), program, "rollcall")
	bare, _, _ = strings.Cut(bare, " #")
	if strings.ContainsAny(bare, ";&`(") {
		return fmt.Errorf("one command a line, please: %s", c.text)
	}
	for i, part := range strings.Split(bare, "|") {
		words := strings.Fields(part)
		if i > 0 {
			if len(words) != 2 || words[0] != "wc" || words[1] != "-l" {
				return fmt.Errorf("this test does not know how to run what follows the | of: %s", c.text)
			}
			continue
		}
		c.plan = planFor(words)
		c.output = outputOf(words)
	}
	if c.plan == unknown {
		return fmt.Errorf("this test does not know how to run: %s", c.text)
	}
	return nil
}

func planFor(words []string) plan {
	if len(words) < 2 {
		return unknown
	}
	switch first, second := words[0], words[1]; {
	case strings.HasPrefix(strings.Join(words, " "), goExample+" "), first == "python3" && second == pythonExample:
		return client
	case first == "make" && second == "run" && len(words) == 2:
		return makeRun
	case first == "make":
		return makeElse
	case first == "export":
		for _, word := range words[1:] {
			if !strings.HasPrefix(word, "AZURE_") || !strings.HasSuffix(word, "=...") {
				return unknown
			}
		}
		return export
	case first == "curl", first == "jq":
		return client
	case first == "rollcall" && (second == "serve" || second == "simulate"):
		return server
	case first == "rollcall":
		return client
	}
	return unknown
}

// outputOf is the file that is named by > or --output.
func outputOf(words []string) string {
	for i, word := range words[:len(words)-1] {
		if word == ">" || word == "--output" {
			return words[i+1]
		}
	}
	return ""
}

// unquoted is a command with a q for each quoted text, which no shell splits.
func unquoted(text string) string {
	var b strings.Builder
	quote := rune(0)
	for _, r := range text {
		switch {
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
			b.WriteByte('q')
		case r == quote:
			quote = 0
		case quote == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}
