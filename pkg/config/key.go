package config

import "github.com/rollcall-dev/rollcall/pkg/secret"

// keySource is where a key is kept. The key itself is refused here: whoever may
// look at a function's configuration can read its environment.
type keySource secret.Source

// UnmarshalText reads secretsmanager:<ARN or name> or file:<path>.
func (k *keySource) UnmarshalText(text []byte) error {
	source, err := secret.ParseTextSource(string(text))
	*k = keySource(source)
	return err
}
