package config

import "strings"

// Cloud is one of Microsoft's national clouds.
type Cloud struct {
	// Name is the value of ROLLCALL_CLOUD.
	Name string
	// LoginURL and GraphURL are its login host and its Graph root.
	LoginURL, GraphURL string
}

// Scope is what a token for the cloud's Graph is asked for: its Graph root, for
// tokens of one cloud are not taken by another.
func (c Cloud) Scope() string { return c.GraphURL + "/.default" }

// clouds follows "National cloud deployments" of the Graph documentation. The
// login hosts of the two US Government clouds are the same.
func clouds() []Cloud {
	return []Cloud{
		{"public", "https://login.microsoftonline.com", "https://graph.microsoft.com"},
		{"usgov", "https://login.microsoftonline.us", "https://graph.microsoft.us"},
		{"usgov-dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
		{"china", "https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"},
	}
}

// UnmarshalText sets the cloud by its name, in any case.
func (c *Cloud) UnmarshalText(text []byte) error {
	var names []string
	for _, cloud := range clouds() {
		if strings.EqualFold(cloud.Name, string(text)) {
			*c = cloud
			return nil
		}
		names = append(names, cloud.Name)
	}
	return &complaint{"is not a known cloud", "write " + strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]}
}
