package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// parser reads one binary's command line.
type parser struct {
	name, description string
	listen            string // default of --http-listen
	connector         bool   // --debezium-config is taken
	other             any    // the other binary's commands: its variables may be in the environment too

	environ  map[string]string
	command  string
	file     *file
	debezium *connector
	loaded   bool
	loadErr  error
}

// parse fills cli, and returns the sections of the file.
func (p *parser) parse(cli any, in Input, common *Common) (*sections, error) {
	p.environ = map[string]string{}
	for _, v := range in.Environ {
		if name, value, ok := strings.Cut(v, "="); ok {
			p.environ[name] = value
		}
	}
	helped := false
	resolve := kong.ResolverFunc(func(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if err := p.load(ctx); err != nil {
			return nil, err
		}
		if v, ok := p.value(flag.Name); ok {
			return v, nil
		}
		if p.debezium != nil && p.debezium.pending[flag.Name] != nil {
			return nil, p.debezium.pending[flag.Name]
		}
		return nil, nil //nolint:nilnil // kong's way to say that there is no value
	})
	k, err := kong.New(cli, append(options(p.name, p.description, p.listen),
		kong.Writers(in.Stdout, in.Stderr), kong.Exit(func(int) { helped = true }), kong.Resolvers(resolve))...)
	if err != nil {
		return nil, fmt.Errorf("build command line: %w", err)
	}
	ctx, err := k.Parse(in.Args)
	switch {
	case helped:
		return nil, ErrHelp
	case p.loadErr != nil:
		return nil, &UsageError{Err: p.loadErr}
	case err != nil:
		return nil, &UsageError{Err: err}
	}
	p.command = commandName(ctx.Command())
	known := flagNames(k)
	err = errors.Join(p.checkEnviron(known), p.file.check(known))
	if err != nil {
		return nil, &UsageError{Err: err}
	}
	common.Roles = p.file.sections.Roles
	if p.debezium != nil {
		common.Warnings = append(common.Warnings, p.debezium.warnings...)
	}
	return &p.file.sections, nil
}

func options(name, description, listen string) []kong.Option {
	return []kong.Option{
		kong.Name(name),
		kong.Vars{"http_listen": listen},
		kong.Description(description + "\n\nEvery flag is also an environment variable (FIRN_ and the flag in upper case, with underscores) and a name in the file of --config. " +
			"A flag beats the environment, which beats the file."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
	}
}

// commandName leaves the arguments out of kong's name for a command.
func commandName(s string) string {
	words := slices.DeleteFunc(strings.Fields(s), func(w string) bool { return strings.ContainsAny(w, "<[") })
	return strings.Join(words, " ")
}

// load reads the files that the flags or the environment name, once.
func (p *parser) load(ctx *kong.Context) error {
	if p.loaded {
		return p.loadErr
	}
	p.loaded = true
	p.file, p.loadErr = readFile(p.path(ctx, "config"))
	if p.loadErr != nil || !p.connector {
		return p.loadErr
	}
	if path := p.path(ctx, "debezium-config"); path != "" {
		p.debezium, p.loadErr = readConnector(path, p.environ)
	}
	return p.loadErr
}

// path returns the value of a flag before flags are resolved.
func (p *parser) path(ctx *kong.Context, name string) string {
	for _, f := range ctx.Flags() {
		if f.Name != name {
			continue
		}
		if s, ok := ctx.FlagValue(f).(string); ok && s != "" {
			return s
		}
	}
	v, _ := p.value(name)
	return v
}

// value returns what the environment, the file or the connector's
// configuration say. An empty variable says nothing.
func (p *parser) value(flag string) (string, bool) {
	if flag == "help" {
		return "", false
	}
	if v := p.environ[variable(flag)]; v != "" {
		return v, true
	}
	if p.file != nil {
		if v, ok := p.file.values[flag]; ok {
			return v, true
		}
	}
	if p.debezium != nil {
		v, ok := p.debezium.values[flag]
		return v, ok
	}
	return "", false
}

// secret returns a secret that the environment holds.
func (p *parser) secret(name string) Secret { return Secret(p.environ[variable(name)]) }

// connectorSecret sets a secret that nothing else was given for to what a
// connector's configuration has.
func (p *parser) connectorSecret(s *Secret, name string, given bool) error {
	if p.debezium == nil || given || *s != "" {
		return nil
	}
	*s = p.debezium.secrets[name]
	return p.debezium.pending[name]
}

func variable(flag string) string {
	return "FIRN_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// secrets returns the names that only the environment may have.
func secrets() []string {
	return []string{"kafka-password", "database-password", "schema-registry-password"}
}

// flagNames returns the names of all flags, of all commands.
func flagNames(k *kong.Kong) map[string]bool {
	names := map[string]bool{}
	var visit func(*kong.Node)
	visit = func(n *kong.Node) {
		for _, f := range n.Flags {
			names[f.Name] = true
		}
		for _, c := range n.Children {
			visit(c)
		}
	}
	visit(k.Model.Node)
	delete(names, "help")
	return names
}

// checkEnviron reports FIRN_ variables that neither binary knows. Kubernetes
// sets some by itself, for services whose names begin with firn.
func (p *parser) checkEnviron(known map[string]bool) error {
	k, err := kong.New(p.other, options(p.name, p.description, p.listen)...)
	if err != nil {
		return fmt.Errorf("build command line: %w", err)
	}
	variables := map[string]bool{}
	for _, names := range []map[string]bool{known, flagNames(k)} {
		for name := range names {
			variables[variable(name)] = true
		}
	}
	for _, name := range secrets() {
		variables[variable(name)] = true
	}
	service := regexp.MustCompile(`_SERVICE_(HOST|PORT)(_|$)|_PORT(_\d+_(TCP|UDP|SCTP)(_.*)?)?$`)
	var errs []error
	for name := range p.environ {
		if strings.HasPrefix(name, "FIRN_") && !variables[name] && !service.MatchString(name) {
			errs = append(errs, fmt.Errorf("%s: no flag has this name", name))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}
