package main

import (
	"context"
	"errors"
	"io"

	"github.com/alecthomas/kong"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

const programName = "rollcall"

// Exit statuses. Scripts rely on them.
const (
	complete   = 0 // the command succeeded; a list is complete
	failed     = 1
	wrongUsage = 2 // of the command line or of the configuration
)

// program is what rollcall uses of the process, so that tests can replace it.
type program struct {
	stdout, stderr io.Writer
	environ        []string
	verbose        bool
	trial          string // the command that shows without a tenant what this one does, "" for list
}

// commands is the command line, as kong reads it.
type commands struct {
	List         listCommand         `cmd:"" help:"List every user of the tenant, or fail."`
	Snapshot     snapshotCommand     `cmd:"" help:"Publish the complete list to folders, buckets and buses, or nothing."`
	Changes      changesCommand      `cmd:"" help:"Publish who joined, changed, left and came back, as events."`
	Subscription subscriptionCommand `cmd:"" help:"List, make and end subscriptions to Graph's change notifications."`
	Doctor       doctorCommand       `cmd:"" help:"Check configuration, credential, token, permissions and count; say what to fix."`
	Verify       verifyCommand       `cmd:"" help:"Find out whether a published snapshot is whole."`
	Diff         diffCommand         `cmd:"" help:"Compare two published snapshots: who joined, who left, what has changed."`
	Certificate  certificateCommand  `cmd:"" help:"Make certificates of keys that never leave the service that keeps them."`
	Serve        serveCommand        `cmd:"" help:"Serve the users over HTTP on this machine, in Graph's own dialect."`
	Simulate     simulateCommand     `cmd:"" help:"Serve a simulated tenant on this machine."`
	Completion   completionCommand   `cmd:"" help:"Print a completion script for bash, zsh or fish."`
	Version      versionCommand      `cmd:"" help:"Print the version."`

	Verbose bool `short:"v" help:"Log more to stderr."`
}

// run executes a command line, given without the program's name, and returns the
// exit status. Errors are reported on stderr.
func (p *program) run(ctx context.Context, args []string) int {
	if len(args) > 0 && args[0] == completeCommand {
		return p.complete(args[1:])
	}
	exited := false
	var c commands
	parser, err := p.parser(&c, func(int) { exited = true })
	if err != nil {
		return p.report(ctx, err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	selected, err := parser.Parse(args)
	switch {
	case exited: // --help was printed; kong expects the process to be gone
		return complete
	case err != nil:
		return p.report(ctx, usageOf(err))
	}
	p.verbose = c.Verbose
	ctx, span := telemetry.StartInvocation(ctx, programName+" "+selected.Command(), nil)
	selected.BindTo(ctx, (*context.Context)(nil))
	err = p.execute(selected)
	span.End(err)
	telemetry.FlushSpans(ctx)
	return p.report(ctx, err)
}

// execute executes a command. A panic is an error, so that what is deferred runs and
// the exit status is that of a failure.
func (p *program) execute(command *kong.Context) (err error) {
	defer crash.Recover(&err)
	return command.Run(p)
}

func (p *program) parser(c *commands, exit func(int)) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name(programName),
		kong.Description(description()),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100, NoAppDescFormat: true, NoExpandSubcommands: true}),
	)
}

func usageOf(err error) error {
	text := err.Error()
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if command := parse.Context.Command(); command != "" {
			return &usageError{text + "; see " + programName + " " + parse.Context.Selected().Path() + " --help"}
		}
	}
	return &usageError{text + "; see " + programName + " --help"}
}

// description is the head of `rollcall --help`.
func description() string {
	return `Rollcall gets the complete list of an Entra ID (Azure AD) tenant's users and returns or
publishes it, or fails. A finished list has been checked against Graph's own count.

Examples:
  rollcall list --demo                          try it: a simulated tenant, nothing to set up
  rollcall doctor                               check your tenant's configuration, step by step
  rollcall list                                 your tenant's first users, and whether the list is complete
  rollcall list --format ndjson > users.ndjson  all of them
  rollcall list --output users.csv              a file that appears only once it is complete
  rollcall snapshot --sink s3://bucket/users    published for others: objects, a manifest, the latest run
  rollcall verify s3://bucket/users --tenant ID whether what was published is whole
  rollcall diff ./monday ./tuesday              who joined, who left, what has changed
  rollcall changes --demo --watch               who joins, changes and leaves, as it happens
  rollcall serve --demo                         the users over HTTP, for any Graph client

Environment, with the same names as in the cloud functions:
  AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET
                          the application that reads (application permission User.Read.All)
  ROLLCALL_CREDENTIALS    where these are stored instead: secretsmanager:<ARN or name>, file:<path>
                          (default env:, the three variables above)
  ROLLCALL_SELECT         columns, separated by commas; name? marks one that may be missing
  ROLLCALL_FILTER         OData $filter; not for changes
  ROLLCALL_CLOUD          public, usgov, usgov-dod, china, bleu, delos or govsg (default public)
  ROLLCALL_PAGE_SIZE      users per page, 1 to 999 (default 999)
  ROLLCALL_COUNT_SLACK    how far a list may be from Graph's count, unverified (default 0)
  ROLLCALL_REQUIRE_VERIFIED  true refuses a list that cannot be verified
  ROLLCALL_PARALLEL       partitions of the list that are read in parallel, 1 to 32 (default auto)
  ROLLCALL_SINKS          where snapshot and changes publish: URLs, separated by white space
  ROLLCALL_STATE          store of the state between runs (default state, in the first store)
  ROLLCALL_MAX_LEAVERS    how many known users may be missing at once (default 1%, at least 10)
  ROLLCALL_MAX_COLUMN_LOSS  how many of its values a column may lose (default 50%, at least 10)
  ROLLCALL_RECONCILE      how often changes compares what it knows with everybody (default 168h)
  ROLLCALL_NOTIFICATION_URL  where Graph is to send notifications; changes then keeps a subscription
  ROLLCALL_WEBHOOK_SECRET  what the webhook knows Graph by and messages to https destinations are signed
                          with, or where that is stored
  ROLLCALL_SEAL_KEY       where the key is stored that serve seals links with (default: derived)
  ROLLCALL_LOGIN_URL, ROLLCALL_GRAPH_URL
                          hosts that replace the cloud's, such as a simulated tenant's
  HTTPS_PROXY, SSL_CERT_FILE, AWS_*, AZURE_STORAGE_*, NO_COLOR
                          as usual

Exit status:
  0  success: a list is complete, a snapshot or the changes are published, a server or --watch
     was interrupted
  1  failure: nothing that is left behind can be taken for a complete list
  2  wrong usage or configuration`
}
