// Package readme runs the commands that README.md tells people to type, so that
// it cannot drift from what the program does. It has no code of its own.
package readme
