// Package sam tests template.yaml with the SAM command line, which people deploy
// it with. It has no code of its own; `make e2e` installs the command.
package sam
