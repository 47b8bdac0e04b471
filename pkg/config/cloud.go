package config

import "github.com/rollcall-dev/rollcall/pkg/cloud"

// cloudName is a cloud, given by its name.
type cloudName cloud.Cloud

// UnmarshalText sets the cloud by its name, in any case.
func (c *cloudName) UnmarshalText(text []byte) error {
	named, ok := cloud.Named(string(text))
	if !ok {
		return &complaint{"is not a known cloud", "write " + cloud.Names()}
	}
	*c = cloudName(named)
	return nil
}
