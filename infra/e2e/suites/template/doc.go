// Package template reads template.yaml as CloudFormation does, for tests of what
// it promises: who may do what, what is encrypted, and that its tables, its
// environment and its state machines fit the code. package.json here installs
// asl-validator, which `make validate` runs.
package template
