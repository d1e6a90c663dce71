#!/usr/bin/perl
# A stand-in for Virtualmin's remote API: it answers list-domains and list-users with recordings of a real server, byte for
# byte. TEST_RECORDINGS names their folder; a call that is not recorded fails.
use strict;
use warnings;
use JSON::PP ();

my $folder = $ENV{'TEST_RECORDINGS'} or die "TEST_RECORDINGS names no folder\n";
my %parameters = map { my ($name, $value) = split(/=/, $_, 2); ($name => decode($value // '')) } split(/&/, $ENV{'QUERY_STRING'} // '');
my $format = exists($parameters{'json'}) ? 'json' : exists($parameters{'xml'}) ? 'xml' : 'txt';

answer();

sub answer {
    # Webmin's library refuses a user without the module (web-lib-funcs.pl, "Check if the HTTP user can access").
    return send_page('Access denied : User ' . $ENV{'REMOTE_USER'} . ' is not allowed to use the Virtualmin Virtual Servers module')
        if !grep { $_ eq 'virtual-server' } modules();
    # Up to 8.1.0 remote.cgi does not accept users who are limited to API calls.
    no warnings 'once';
    return send_page('Webmin user is for RPC calls only') if rpc() == 3 && !$main::allow_rpc_only;
    # Plain text with status 200, whatever format was requested.
    return send_file('txt', 'error.not-allowed.txt') if !may_call();
    my $program = $parameters{'program'} // '';
    return list_domains()                            if $program eq 'list-domains';
    return list_all_users() if $program eq 'list-users' && exists($parameters{'all-domains'});
    return send_file($format, list_users())          if $program eq 'list-users';
    return send_file('txt', 'error.no-such-program.txt');
}

# list_domains() Answers with the recording of all domains, one of them, or names only, formatted as a real server does.
sub list_domains {
    my $whole = content("list-domains.$format");
    return send_text($format, $whole) if exists($parameters{'multiline'}) && !exists($parameters{'domain'});
    my $data  = JSON::PP->new->decode(content('list-domains.json'))->{'data'};
    my @found = grep { passes($_) } @$data;
    return send_file($format, "error.no-such-domain.$format") if exists($parameters{'domain'}) && !@found;
    if (!exists($parameters{'multiline'})) {
        die "list-domains as a table is not recorded\n" if !exists($parameters{'name-only'});
        $_->{'values'} = {} for @found;
        $whole =~ s{<values>.*?</values>}{<values></values>}gs;
    }
    my %parts = $whole =~ m{^(?=  <data name="([^"]+)">)(.*?^  </data>\n)}gms;
    my $xml   = join('', '<api command="list-domains" status="success">', "\n", map({ $parts{ $_->{'name'} } } @found), "</api>\n");
    my $json  = JSON::PP->new->pretty->encode({ 'command' => 'list-domains', 'status' => 'success', 'data' => \@found });
    return send_text($format, $format eq 'xml' ? $xml : $json);
}

# passes(domain) Returns whether a recorded domain passes the filters of the request.
sub passes {
    my ($d) = @_;
    my %values = map { $_ => $d->{'values'}->{$_}->[0] } keys %{ $d->{'values'} };
    return 0 if exists($parameters{'domain'}) && $parameters{'domain'} ne $d->{'name'};
    return 0 if exists($parameters{'with-feature'}) && !grep { $_ eq $parameters{'with-feature'} } split(' ', $values{'features'} // '');
    return 0 if exists($parameters{'alias'}) && $values{'type'} ne 'Alias';
    return 0 if exists($parameters{'subserver'}) && $values{'type'} eq 'Top-level server';
    return 0 if exists($parameters{'disabled'}) && !exists($values{'disabled'});
    return 1;
}

# list_users() Returns the name of the recording of a domain's users. There are others without multiline or without the owner.
sub list_users {
    my $domain = $parameters{'domain'} // '';
    return "error.no-such-domain.$format" if $domain !~ /^[\w.-]+$/ || !grep { -e "$folder/list-users.$domain.$_" } qw(json xml);
    return "list-users.$domain.without-multiline.$format" if !exists($parameters{'multiline'});
    return "list-users.$domain.no-owner.$format"          if !exists($parameters{'include-owner'});
    return "list-users.$domain.$format";
}

# list_all_users() Answers with the users of all domains that are recorded with their owner, in JSON (list-users.pl,
# --all-domains).
sub list_all_users {
    die "list-users of all domains is recorded with multiline, include-owner and json\n" if grep { !exists($parameters{$_}) } qw(multiline include-owner json);
    my @names = map { $_->{'name'} } @{ JSON::PP->new->decode(content('list-domains.json'))->{'data'} };
    my @users = map { @{ JSON::PP->new->decode(content($_))->{'data'} } } grep { -e "$folder/$_" } map { "list-users.$_.json" } @names;
    return send_text('json', JSON::PP->new->pretty->encode({ 'command' => 'list-users', 'status' => 'success', 'data' => \@users }));
}

# modules() Returns the user's modules, from webmin.acl.
sub modules {
    my $etc = $ENV{'WEBMIN_CONFIG'} or die "WEBMIN_CONFIG names no folder\n";
    open(my $file, '<', "$etc/webmin.acl") or return ();
    return map { /^\Q$ENV{'REMOTE_USER'}\E:\s*(.*)$/ ? split(/\s+/, $1) : () } <$file>;
}

# values_of(file) Returns the pairs of a file of key=value lines; none if there is no such file.
sub values_of {
    my ($path) = @_;
    open(my $file, '<', $path) or return ();
    return map { /^([^=]+)=(.*)$/ ? ($1, $2) : () } <$file>;
}

# rpc() Returns the rpc value of the user's global access control: 3 limits the user to API calls.
sub rpc {
    my %access = values_of("$ENV{'WEBMIN_CONFIG'}/$ENV{'REMOTE_USER'}.acl");
    return $access{'rpc'} // 2;
}

# may_call() Returns whether the user may call the API. Domain owners, resellers and extra admins, who may not configure
# Virtualmin (noconfig), may not.
sub may_call {
    my %access = values_of("$ENV{'WEBMIN_CONFIG'}/virtual-server/$ENV{'REMOTE_USER'}.acl");
    return !$access{'noconfig'};
}

# send_page(message) Sends an error as Webmin's library does: a page with status 200.
sub send_page {
    my ($message) = @_;
    print "Content-type: text/html; Charset=UTF-8\n\n<html><body><h2>Error</h2><p>$message</p></body></html>\n";
}

# send_file(format, name) Sends a recording.
sub send_file {
    my ($type, $name) = @_;
    my $text = content($name);
    $text =~ s/nosuch\.example/$parameters{'domain'}/g if $name =~ /no-such-domain/;
    return send_text($type, $text);
}

# send_text(format, text) Sends an answer.
sub send_text {
    my ($type, $text) = @_;
    my %types = ('json' => 'application/json', 'xml' => 'application/xml', 'txt' => 'text/plain');
    print "Content-type: $types{$type}\n\n";
    print $text;
}

# content(name) Returns the content of a recording.
sub content {
    my ($name) = @_;
    open(my $file, '<:raw', "$folder/$name") or die "$folder/$name: $!\n";
    local $/;
    return <$file>;
}

sub decode { my ($text) = @_; $text =~ tr/+/ /; $text =~ s/%(..)/pack('C', hex($1))/ge; return $text }
