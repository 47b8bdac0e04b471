package lambda

import (
	"encoding/json"
	"errors"
	"strings"
)

// kind is what an event is: that of a trigger of this function, or of something
// else, in words.
type kind string

const (
	restAPI      kind = "a REST API request"
	httpAPI      kind = "an HTTP API request of payload version 2.0"
	httpAPI1     kind = "an HTTP API request of payload version 1.0"
	functionURL  kind = "a Function URL request"
	loadBalancer kind = "a load balancer's request"
	queue        kind = "from SQS"
	scheduler    kind = "from EventBridge Scheduler"
	schedule     kind = "from an EventBridge schedule"
	invocation   kind = "a direct invocation" // none of the others: our own request schema
)

// marks are the members by which events are distinguished. Matching ignores case,
// so that eventSource is also SNS's EventSource.
type marks struct {
	Version        string `json:"version"`
	HTTPMethod     string `json:"httpMethod"`
	RequestContext struct {
		HTTP         json.RawMessage `json:"http"`
		ELB          json.RawMessage `json:"elb"`
		HTTPMethod   string          `json:"httpMethod"`
		DomainName   string          `json:"domainName"`
		ConnectionID string          `json:"connectionId"`
		Lattice      string          `json:"serviceNetworkArn"`
	} `json:"requestContext"`
	Records []struct {
		EventSource string          `json:"eventSource"`
		CloudFront  json.RawMessage `json:"cf"`
	} `json:"Records"`
	EventSource    string          `json:"eventSource"`
	Source         string          `json:"source"`
	DetailType     string          `json:"detail-type"`
	MethodARN      string          `json:"methodArn"`
	RouteARN       string          `json:"routeArn"`
	Step           string          `json:"Step"`
	SecretID       string          `json:"SecretId"`
	Logs           json.RawMessage `json:"awslogs"`
	DeliveryStream string          `json:"deliveryStreamArn"`
	TriggerSource  string          `json:"triggerSource"`
	ResponseURL    string          `json:"ResponseURL"`
	StackID        string          `json:"StackId"`
	LatticePath    string          `json:"raw_path"`
}

// probe distinguishes events by what only one of them has.
func probe(event []byte) kind {
	var m marks
	if decode(event, &m) != nil {
		return invocation // whose schema says what is wrong
	}
	about := &m.RequestContext
	switch {
	case m.MethodARN != "" || m.RouteARN != "":
		return "an API Gateway authorizer's request" // else much like a REST API's
	case about.ConnectionID != "":
		return "a WebSocket API request"
	case about.Lattice != "" || m.LatticePath != "":
		return "a VPC Lattice request"
	case about.ELB != nil:
		return loadBalancer
	case m.Version == "2.0" && about.HTTP != nil && isFunctionURL(about.DomainName):
		return functionURL
	case m.Version == "2.0" && about.HTTP != nil:
		return httpAPI
	case m.Version == "1.0" && about.HTTPMethod != "":
		return httpAPI1
	case m.Version == "" && m.HTTPMethod != "":
		return restAPI
	}
	return m.foreign()
}

// foreign names an event that is no request.
func (m *marks) foreign() kind {
	source := m.EventSource
	if len(m.Records) > 0 {
		source = m.Records[0].EventSource
		if m.Records[0].CloudFront != nil {
			return "a CloudFront request"
		}
	}
	switch {
	case source != "":
		return kind("from " + serviceName(source))
	case m.Source == "aws.scheduler":
		return scheduler
	case m.Source == "aws.events" && m.DetailType == "Scheduled Event":
		return schedule
	case m.DetailType != "":
		return "from EventBridge"
	case m.Step != "" && m.SecretID != "":
		return "a Secrets Manager rotation"
	case m.Logs != nil:
		return "from CloudWatch Logs"
	case m.DeliveryStream != "":
		return "from Firehose"
	case m.TriggerSource != "":
		return "a Cognito trigger"
	case m.ResponseURL != "" && m.StackID != "":
		return "a CloudFormation custom resource request"
	}
	return invocation
}

// serviceName spells an event source. It never repeats one that it does not
// know, for an event may contain anything.
func serviceName(source string) string {
	switch strings.TrimPrefix(source, "aws:") {
	case "sqs":
		return "SQS"
	case "sns":
		return "SNS"
	case "s3":
		return "S3"
	case "kinesis":
		return "Kinesis"
	case "dynamodb":
		return "DynamoDB"
	case "ses":
		return "SES"
	case "codecommit":
		return "CodeCommit"
	case "kafka", "SelfManagedKafka":
		return "Kafka"
	case "mq", "rmq":
		return "Amazon MQ"
	}
	return "an event source"
}

// isFunctionURL reports whether a request came to a Function URL, whose events
// are otherwise those of an HTTP API: <id>.lambda-url.<region>.on.aws.
func isFunctionURL(domain string) bool {
	_, region, ok := strings.Cut(domain, ".lambda-url.")
	return ok && strings.HasSuffix(region, ".on.aws")
}

// read reads an event that probe has recognized, and so could decode.
func read[E any](event []byte) *E {
	e := new(E)
	_ = decode(event, e)
	return e
}

// decode reads an event. A member of the wrong type counts as missing, so that it
// can only take a caller's rights away.
func decode(event []byte, into any) error {
	err := json.Unmarshal(event, into)
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) && typed.Field != "" {
		return nil
	}
	return err
}
