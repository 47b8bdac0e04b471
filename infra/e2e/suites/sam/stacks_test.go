package sam_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudformation"
)

// stacks is as much of CloudFormation and S3 as `sam deploy` asks for. What the template
// refuses, it refuses.
type stacks struct {
	url      string
	template *cloudformation.Template

	mu   sync.Mutex
	kept map[string]*kept
}

// kept is a stack: the parameters of its last deployment and those of a change set.
type kept struct {
	parameters, changed map[string]string
	outputs             map[string]any
	status              string
	deployments         int
}

func startStacks(t *testing.T) *stacks {
	t.Helper()
	template, err := cloudformation.Read(harness.Path(t, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s := &stacks{template: template, kept: map[string]*kept{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// have makes a stack that was deployed with these parameters, and none beside them.
func (s *stacks) have(name string, parameters map[string]string, outputs map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[name] = &kept{parameters: parameters, outputs: outputs, status: "CREATE_COMPLETE", deployments: 1}
}

// deployed are the parameters that a stack was last deployed with, and how often it was.
func (s *stacks) deployed(name string) (parameters map[string]string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if of := s.kept[name]; of != nil {
		return maps.Clone(of.parameters), of.deployments
	}
	return nil, 0
}

func (s *stacks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method != http.MethodPost { // S3, which has nothing and takes everything
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusNotFound)
		}
		return
	}
	_ = r.ParseForm()
	action := r.Form.Get("Action")
	result, refusal := s.answer(action, r)
	w.Header().Set("Content-Type", "text/xml")
	if refusal != "" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, "<ErrorResponse><Error><Code>ValidationError</Code><Message>%s</Message></Error></ErrorResponse>", escaped(refusal))
		return
	}
	_, _ = fmt.Fprintf(w, "<%sResponse><%sResult>%s</%sResult></%sResponse>", action, action, result, action, action)
}

func (s *stacks) answer(action string, r *http.Request) (result, refusal string) {
	name := r.Form.Get("StackName")
	id := "arn:aws:cloudformation:eu-west-1:123456789012:stack/" + name + "/1"
	of := s.kept[name]
	switch {
	case name == "aws-sam-cli-managed-default":
		return described(id, name, "CREATE_COMPLETE", map[string]any{"SourceBucket": "sources"}), ""
	case of == nil && action != "CreateChangeSet":
		return "", "Stack with id " + name + " does not exist"
	}
	switch action {
	case "CreateChangeSet":
		if of == nil {
			of = &kept{status: "REVIEW_IN_PROGRESS"}
			s.kept[name] = of
		}
		return fmt.Sprintf("<Id>%s/change</Id><StackId>%s</StackId>", id, id), s.change(of, r)
	case "DescribeStacks":
		return described(id, name, of.status, of.outputs), ""
	case "GetTemplateSummary":
		var all strings.Builder
		for _, parameter := range slices.Sorted(maps.Keys(of.parameters)) {
			fmt.Fprintf(&all, "<member><ParameterKey>%s</ParameterKey></member>", parameter)
		}
		return "<Parameters>" + all.String() + "</Parameters>", ""
	case "DescribeChangeSet":
		return "<Status>CREATE_COMPLETE</Status><Changes><member><Type>Resource</Type><ResourceChange><Action>Add</Action><LogicalResourceId>Api</LogicalResourceId><ResourceType>AWS::ApiGateway::RestApi</ResourceType></ResourceChange></member></Changes>", ""
	case "ExecuteChangeSet":
		made, err := s.template.Resolve(of.changed)
		if err != nil {
			return "", err.Error()
		}
		of.parameters, of.outputs, of.status = of.changed, made.Outputs, "CREATE_COMPLETE"
		if of.deployments++; of.deployments > 1 {
			of.status = "UPDATE_COMPLETE"
		}
		return "", ""
	case "DescribeStackEvents":
		return fmt.Sprintf("<StackEvents><member><EventId>%s-%d</EventId><StackId>%s</StackId><StackName>%s</StackName><LogicalResourceId>%s</LogicalResourceId>"+
			"<PhysicalResourceId>%s</PhysicalResourceId><ResourceType>AWS::CloudFormation::Stack</ResourceType><ResourceStatus>%s</ResourceStatus><Timestamp>%s</Timestamp></member></StackEvents>",
			of.status, of.deployments, id, name, name, id, of.status, time.Unix(1790000000+int64(of.deployments), 0).UTC().Format(time.RFC3339)), ""
	}
	return "", "this test does not know " + action
}

// change takes the parameters of a change set as CloudFormation does: given, as they were,
// or left to their defaults.
func (s *stacks) change(of *kept, r *http.Request) (refusal string) {
	if r.Form.Get("Capabilities.member.1") != "CAPABILITY_IAM" {
		return "Requires capabilities : [CAPABILITY_IAM]"
	}
	of.changed = map[string]string{}
	for i := 1; r.Form.Has("Parameters.member." + strconv.Itoa(i) + ".ParameterKey"); i++ {
		field := func(name string) string { return r.Form.Get("Parameters.member." + strconv.Itoa(i) + "." + name) }
		value := field("ParameterValue")
		if field("UsePreviousValue") == "true" {
			previous, has := of.parameters[field("ParameterKey")]
			if !has {
				return "Invalid input for parameter key " + field("ParameterKey") + ". Cannot specify usePreviousValue as true for a parameter key not in the previous template"
			}
			value = previous
		}
		of.changed[field("ParameterKey")] = value
	}
	for name, definition := range s.template.Parameters {
		if standard, has := definition.(map[string]any)["Default"].(string); has {
			if _, given := of.changed[name]; !given {
				of.changed[name] = standard
			}
		}
	}
	if _, err := s.template.Resolve(of.changed); err != nil {
		return err.Error()
	}
	return ""
}

func described(id, name, status string, outputs map[string]any) string {
	var all strings.Builder
	for _, output := range slices.Sorted(maps.Keys(outputs)) {
		fmt.Fprintf(&all, "<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>", output, escaped(fmt.Sprint(outputs[output])))
	}
	if all.Len() > 0 {
		all.WriteString("</Outputs>")
	}
	return fmt.Sprintf("<Stacks><member><StackId>%s</StackId><StackName>%s</StackName><StackStatus>%s</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime>"+
		"<Tags><member><Key>ManagedStackSource</Key><Value>AwsSamCli</Value></member></Tags>%s</member></Stacks>",
		id, name, status, strings.Replace(all.String(), "<member>", "<Outputs><member>", 1))
}

func escaped(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
