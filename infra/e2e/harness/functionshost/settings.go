package functionshost

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings is host.json as .NET's configuration has it: each value as text, by its path in
// lower case with colons between.
type settings map[string]string

// overrides is the prefix of the app settings that replace values of host.json.
const overrides = "AzureFunctionsJobHost__"

// known are the paths below the sections in which a misspelled name would otherwise be
// ignored without a word.
func known() map[string][]string {
	return map[string][]string{
		"customhandler:": {
			"description:defaultexecutablepath", "description:workingdirectory", "description:arguments",
			"enableforwardinghttprequest", "enableproxyinghttprequest",
		},
		"extensions:http:": {
			"routeprefix", "maxoutstandingrequests", "maxconcurrentrequests", "dynamicthrottlesenabled", "hsts", "customheaders",
		},
		"extensions:queues:": {
			"maxpollinginterval", "visibilitytimeout", "batchsize", "maxdequeuecount", "newbatchthreshold", "messageencoding",
		},
		"": {
			"$schema", "version", "functiontimeout", "logging", "telemetrymode", "extensions", "extensionbundle", "customhandler",
			"concurrency", "healthmonitor", "singleton", "watchdirectories",
		},
	}
}

// readSettings reads host.json and what the app settings replace in it.
func readSettings(folder string, env map[string]string) (settings, error) {
	text, err := os.ReadFile(filepath.Join(folder, "host.json"))
	if err != nil {
		return nil, fmt.Errorf("the app has no host.json: %w", err)
	}
	var tree map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		return nil, fmt.Errorf("host.json: %w", err)
	}
	s := settings{}
	s.flatten("", tree)
	for name, value := range env {
		if path, ok := strings.CutPrefix(name, overrides); ok {
			s[strings.ToLower(strings.ReplaceAll(path, "__", ":"))] = value
		}
	}
	if s["version"] != "2.0" {
		return nil, fmt.Errorf(`host.json: version is %q, not "2.0"`, s["version"])
	}
	return s, s.check()
}

func (s settings) flatten(path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			s.flatten(strings.TrimPrefix(path+":"+strings.ToLower(name), ":"), member)
		}
	case []any:
		for i, item := range value {
			s.flatten(path+":"+strconv.Itoa(i), item)
		}
	case nil:
	default:
		s[path] = fmt.Sprint(value)
	}
}

// check refuses names that the host does not know.
func (s settings) check() error {
	for path := range s {
		for section, names := range known() {
			rest, ok := strings.CutPrefix(path, section)
			if !ok {
				continue
			}
			if !slices.ContainsFunc(names, func(name string) bool { return rest == name || strings.HasPrefix(rest, name+":") }) {
				return fmt.Errorf("host.json: there is no setting %s", path)
			}
		}
	}
	return nil
}

func (s settings) text(path, fallback string) string {
	if value, ok := s[path]; ok {
		return value
	}
	return fallback
}

func (s settings) list(path string) []string {
	var items []string
	for i := 0; ; i++ {
		item, ok := s[path+":"+strconv.Itoa(i)]
		if !ok {
			return items
		}
		items = append(items, item)
	}
}

func (s settings) flag(path string) (bool, error) {
	switch value := strings.ToLower(s.text(path, "false")); value {
	case "true", "false":
		return value == "true", nil
	default:
		return false, fmt.Errorf("host.json: %s is %q, not true or false", path, value)
	}
}

func (s settings) number(path string, fallback, least, most int) (int, error) {
	text, ok := s[path]
	if !ok {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("host.json: %s is %q, not a whole number from %d to %d", path, text, least, most)
	}
	return n, nil
}

func (s settings) span(path, fallback string) (time.Duration, error) {
	d, err := parseSpan(s.text(path, fallback))
	if err != nil {
		return 0, fmt.Errorf("host.json: %s: %w", path, err)
	}
	return d, nil
}

// parseSpan reads a duration in .NET's spelling, [d.]hh:mm:ss[.fraction].
func parseSpan(text string) (time.Duration, error) {
	parts := regexp.MustCompile(`^(?:(\d+)\.)?(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d{1,7})?$`).FindStringSubmatch(text)
	if parts == nil {
		return 0, fmt.Errorf("%q is not a time as hh:mm:ss", text)
	}
	d, err := time.ParseDuration(parts[2] + "h" + parts[3] + "m" + parts[4] + parts[5] + "s")
	if err != nil {
		return 0, err
	}
	days, _ := strconv.Atoi("0" + parts[1])
	return d + time.Duration(days)*24*time.Hour, nil
}

// environ is NAME=value as a map. The last value of a name counts.
func environ(variables []string) (map[string]string, error) {
	env := make(map[string]string, len(variables))
	for _, variable := range variables {
		name, value, ok := strings.Cut(variable, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("an app setting has to be NAME=value, and one has no name or no value")
		}
		env[name] = value
	}
	return env, nil
}

// expand replaces each %NAME% in a value of function.json by that app setting.
func expand(text string, env map[string]string) (string, error) {
	var missing []string
	text = regexp.MustCompile(`%([^%]+)%`).ReplaceAllStringFunc(text, func(found string) string {
		value, ok := env[strings.Trim(found, "%")]
		if !ok {
			missing = append(missing, found)
		}
		return value
	})
	if missing != nil {
		return "", fmt.Errorf("there is no app setting for %s; there are %v", strings.Join(missing, ", "), slices.Sorted(maps.Keys(env)))
	}
	return text, nil
}
