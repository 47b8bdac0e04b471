package main

import (
	"embed"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// completeCommand is the hidden command with which the scripts ask for candidates.
// Its arguments are the words after the program's name, up to the cursor.
const completeCommand = "__complete"

//go:embed completion
var scripts embed.FS

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is the rest of `rollcall completion --help`.
func (completionCommand) Help() string {
	return `To enable it, add the line of your shell to its start-up file:

  bash   source <(rollcall completion bash)              in ~/.bashrc
  zsh    source <(rollcall completion zsh)               in ~/.zshrc, after compinit
  fish   rollcall completion fish | source               in ~/.config/fish/config.fish

rollcall must be in the PATH.`
}

// Run prints the script on stdout.
func (c completionCommand) Run(p *program) error {
	script, err := scripts.ReadFile("completion/" + programName + "." + c.Shell)
	if err != nil {
		return err
	}
	_, err = p.out().Write(script)
	return err
}

// complete prints the candidates for the last word, one per line with a tab and a
// description, or :files if the shell is to complete a path.
func (p *program) complete(words []string) int {
	var c commands
	parser, err := p.parser(&c, func(int) {})
	if err != nil {
		return failed
	}
	for _, candidate := range candidates(parser.Model, words) {
		if _, err := io.WriteString(p.stdout, candidate+"\n"); err != nil {
			return failed
		}
	}
	return complete
}

const filesCandidate = ":files"

// candidates returns what the last word can become.
func candidates(app *kong.Application, words []string) []string {
	if len(words) == 0 {
		words = []string{""}
	}
	node, last := app.Node, len(words)-1
	current := words[last]
	var pending *kong.Flag // the flag whose value comes next
	for _, word := range words[:last] {
		switch {
		case word == "=" && pending != nil: // bash splits --name=value into three words
		case pending != nil:
			pending = nil
		case strings.HasPrefix(word, "-"):
			name, _, hasValue := strings.Cut(word, "=")
			if flag := flagOf(node, name); flag != nil && !flag.IsBool() && !hasValue {
				pending = flag
			}
		default:
			if child := childOf(node, word); child != nil {
				node = child
			}
		}
	}
	if pending != nil {
		return valuesOf(pending.Value, "", strings.TrimPrefix(current, "="))
	}
	if name, value, ok := strings.Cut(current, "="); ok && strings.HasPrefix(name, "-") {
		if flag := flagOf(node, name); flag != nil {
			return valuesOf(flag.Value, name+"=", value)
		}
		return nil
	}
	if strings.HasPrefix(current, "-") {
		return flagsOf(node, current)
	}
	return wordsOf(node, current)
}

// flagOf finds a flag of the node or its parents by its name with dashes.
func flagOf(node *kong.Node, name string) *kong.Flag {
	for _, group := range node.AllFlags(false) {
		for _, flag := range group {
			if name == "--"+flag.Name || flag.Short != 0 && name == "-"+string(flag.Short) {
				return flag
			}
		}
	}
	return nil
}

func childOf(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

func flagsOf(node *kong.Node, prefix string) []string {
	var found []string
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			if name := "--" + flag.Name; strings.HasPrefix(name, prefix) {
				found = append(found, name+"\t"+firstSentence(flag.Help))
			}
		}
	}
	return found
}

// wordsOf returns the commands below a node, or the values of its argument.
func wordsOf(node *kong.Node, prefix string) []string {
	var found []string
	for _, child := range node.Children {
		if !child.Hidden && strings.HasPrefix(child.Name, prefix) {
			found = append(found, child.Name+"\t"+firstSentence(child.Help))
		}
	}
	for _, argument := range node.Positional {
		found = append(found, valuesOf(argument, "", prefix)...)
	}
	return found
}

// valuesOf returns the values that a flag or argument can have, if they are known.
func valuesOf(value *kong.Value, before, prefix string) []string {
	switch value.Tag.PlaceHolder {
	case "FILE", "DIR", "URL": // a URL may be written as a folder
		return []string{filesCandidate}
	}
	var found []string
	for _, one := range strings.Split(value.Enum, ",") {
		if one != "" && strings.HasPrefix(one, prefix) {
			found = append(found, before+one)
		}
	}
	return found
}

func firstSentence(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(first, ".")
}
