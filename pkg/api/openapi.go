package api

import (
	_ "embed" // of the template
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// openAPI is the OpenAPI document, with a text that begins with $ wherever something follows
// the configuration or is the same in several places.
//
//go:embed openapi.json
var openAPI string

// describe answers with the OpenAPI document of this API: with its columns and formats, and
// with the address by which the caller came.
func (a *API) describe(w http.ResponseWriter, r *http.Request, _ string) error {
	if r.URL.RawQuery != "" {
		return failure.InvalidRequest("the description of the API takes no options")
	}
	body := jsontext.Value(a.document(baseURL(r)))
	if err := body.Compact(); err != nil {
		return err // a defect: what is put into the template is JSON
	}
	w.Header().Set("Content-Type", "application/json")
	return writeBody(w, body)
}

// document fills in the template.
func (a *API) document(base string) string {
	columns := *a.columns.Load()
	listed := make([]string, 0, len(listOptions())+1)
	for _, option := range listOptions() {
		listed = append(listed, `{"$ref":"#/components/parameters/`+strings.TrimPrefix(option, "$")+`"}`)
	}
	listed = append(listed, `{"$ref":"#/components/parameters/client-request-id"}`)
	headers := make([]string, 0, len(shared()))
	for _, name := range shared() {
		headers = append(headers, `"`+name+`":{"$ref":"#/components/headers/`+name+`"}`)
	}
	plain := strings.Join(headers, ",")
	var names, formats, media []string
	for _, name := range columnNames(columns) {
		names = append(names, quoted(name))
	}
	for _, o := range a.offers() {
		formats = append(formats, quoted(o.names[0]))
		schema := `{"type":"string"}`
		if o.format == pageJSON {
			schema = `{"$ref":"#/components/schemas/page"}`
		}
		media = append(media, quoted(o.names[1])+`:{"schema":`+schema+`}`)
	}
	fill := []string{
		`"$servers"`, `{"url":` + quoted(base) + `},{"url":` + quoted(base+"/v1.0") + `}`,
		`"$listed"`, strings.Join(listed, ","),
		`"$columns"`, strings.Join(names, ","),
		`"$formats"`, strings.Join(formats, ","),
		`"$lists"`, `{` + strings.Join(media, ",") + `}`,
		`"$user"`, userSchema(columns),
		`"$plain"`, `{` + plain + `}`,
		`"$odata"`, `{` + plain + `,"OData-Version":{"$ref":"#/components/headers/OData-Version"}}`,
		`"$head"`, `{"200":{"description":"As for GET.","headers":{` + plain + `}},"default":{"description":"As for GET.","headers":{` + plain + `}}}`,
	}
	text := strings.NewReplacer(fill...).Replace(openAPI)
	for { // each list of statuses that share one answer
		before, rest, found := strings.Cut(text, `"$errors": "`)
		if !found {
			return text
		}
		statuses, after, _ := strings.Cut(rest, `"`)
		var errors []string
		for status := range strings.FieldsSeq(statuses) {
			errors = append(errors, `"`+status+`":{"$ref":"#/components/responses/error"}`)
		}
		text = before + strings.Join(errors, ",") + after
	}
}

// shared are the headers of every answer.
func shared() []string { return []string{"request-id", "client-request-id", "Cache-Control"} }

// userSchema is the JSON Schema of a user with the columns. Any of them may be missing, by
// $select or because Graph leaves it out.
func userSchema(columns []property.Column) string {
	var members []string
	for _, c := range columns {
		typeName, _ := property.ColumnType(c.Name)
		schema := schemaOf(typeName)
		if c.Name == "id" {
			schema = `{"type":"string"}`
		}
		members = append(members, quoted(c.Name)+":"+schema)
	}
	return `{"type":"object","properties":{` + strings.Join(members, ",") + `}}`
}

// schemaOf is the JSON Schema of a type of the property table.
func schemaOf(typeName string) string {
	if element, isList := property.Element(typeName); isList {
		return `{"type":["array","null"],"items":` + schemaOf(element) + `}`
	}
	if fields, ok := property.Structure(typeName); ok {
		members := make([]string, len(fields))
		for i, f := range fields {
			members[i] = quoted(f.Name) + ":" + schemaOf(f.Type)
		}
		return `{"type":["object","null"],"properties":{` + strings.Join(members, ",") + `}}`
	}
	switch typeName {
	case "Edm.String", "Edm.Guid":
		return `{"type":["string","null"]}`
	case "Edm.DateTimeOffset":
		return `{"type":["string","null"],"format":"date-time"}`
	case "Edm.Boolean":
		return `{"type":["boolean","null"]}`
	case "Edm.Int32":
		return `{"type":["integer","null"]}`
	}
	return `{}` // an extension may be of any type
}

func quoted(text string) string { return string(appendString(nil, text)) }
