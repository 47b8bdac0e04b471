package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// Column is one column of the list.
type Column struct {
	// Name is the property's name as Graph spells it, or "manager".
	Name string
	// Optional says that the list may go on without it when Graph refuses it.
	Optional bool
}

// String returns the column as it is written, with "?" when it is optional.
func (c Column) String() string {
	if c.Optional {
		return c.Name + "?"
	}
	return c.Name
}

const id = "id"

// defaultSelect is checked by a test and not at start-up, which has no time for it.
const defaultSelect = "id,userPrincipalName,displayName,givenName,surname,mail,jobTitle,department,companyName," +
	"employeeId,employeeType,accountEnabled,userType,createdDateTime,onPremisesSyncEnabled"

func defaultColumns() []Column {
	names := strings.Split(defaultSelect, ",")
	columns := make([]Column, len(names))
	for i, name := range names {
		columns[i].Name = name
	}
	return columns
}

// columns is the value of ROLLCALL_SELECT.
type columns struct{ list []Column }

// UnmarshalText reads the comma list, adds id where it is missing, and complains
// of every column that is wrong.
func (c *columns) UnmarshalText(text []byte) error {
	var problems []error
	seen := map[string]bool{}
	list := []Column{}
	for _, item := range strings.Split(strings.TrimRight(string(text), ", \t\r\n"), ",") {
		name, optional := strings.CutSuffix(strings.TrimSpace(item), "?")
		name = strings.TrimSpace(name)
		err := checkColumn(name, optional)
		if err == nil && seen[name] {
			err = &complaint{fmt.Sprintf("property %q is there twice", name), "remove one"}
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		seen[name] = true
		list = append(list, Column{name, optional})
	}
	if !seen[id] {
		list = append([]Column{{Name: id}}, list...)
	}
	c.list = list
	return errors.Join(problems...)
}

func checkColumn(name string, optional bool) error {
	switch {
	case name == property.Manager:
		return nil
	case strings.EqualFold(name, property.Manager):
		return &complaint{fmt.Sprintf("%q is spelled %q", name, property.Manager), "names are case-sensitive"}
	case name == id && optional:
		return &complaint{`"id?" is not possible, for every user has an id`, `write id`}
	}
	return property.Selectable(name)
}
