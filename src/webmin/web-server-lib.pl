# Puts the answer service behind the web server of a domain, proves that mail clients get the right answers, and takes it back. It
# edits the files of Apache in the way of Virtualmin's enable_email_autoconfig (feature-mail.pl).
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use File::Temp ();
use IO::Socket::IP;
use JSON::PP ();
use Socket qw(SOL_SOCKET SO_RCVTIMEO SO_SNDTIMEO);

require(dirname(__FILE__) . '/app-lib.pl');
require(dirname(__FILE__) . '/plugin-lib.pl');
require(dirname(__FILE__) . '/service-lib.pl');

our ($config_directory, $module_config_directory, %paths);

# The socket of the answer service. Tests have another.
our $answers_path = '/run/virtualmin-mail-setup-answers.sock';

# How often the proof is tried, a second apart: Apache takes a moment to use its new configuration.
our $proof_tries = 10;

# Seconds for a connection, and for an answer.
my $request_timeout = 10;

# The paths that the answer service knows, as a pattern for Apache and nginx.
my $paths_pattern = '/(mail/(config-v1\.1\.xml|setup\.mobileconfig)|\.well-known/autoconfig/mail/config-v1\.1\.xml|autodiscover/autodiscover\.(xml|json))$';

my $command = 'virtualmin setup-mail-autoconfig';

# all_domains() Returns the domains of Virtualmin.
sub all_domains {
    load_virtualmin();
    return virtual_server::list_domains();
}

# latest_answers(keep) Returns what mail clients are told about each domain, by its name. With a true argument it becomes the
# snapshot of the answer service, too.
sub latest_answers {
    my ($keep) = @_;
    begin_snapshot($paths{'snapshot'}) if $keep;
    my $text = app_text('/answers.json');
    die "The answer service does not run: its socket $answers_path is missing. Set client_answers in the module's configuration.\n"
        if !-S $answers_path;
    write_snapshot($paths{'snapshot'}, $text) if $keep;
    return JSON::PP->new->utf8->decode($text)->{'domains'};
}

# app_text(path) Returns a text from the app; dies with its error message.
sub app_text {
    my ($path) = @_;
    my ($body, $problem) = get_text(socket_path(), $path, panel_facts($config_directory, dirname(__FILE__)));
    return $body // die "$problem\n";
}

# put_behind(&domain, &answers, say, dry-run) Puts the answer service behind the web server of a domain, and proves that it answers.
# answers are those of latest_answers(); say is a function that gets lines about what changes. Dies if that is not possible or the
# proof fails, after it has taken back the change.
sub put_behind {
    my ($d, $answers, $say, $dry_run) = @_;
    my $told = $answers->{ $d->{'dom'} }
        or die "The settings tell mail clients nothing about this domain: add client_answers\@$d->{'dom'}=login to the module's configuration"
        . ($d->{'alias'} ? ', and the same for ' . web_site($d)->{'dom'} : '') . "\n";
    check_web_server($d);
    my $sample = sample_mailbox($d, $told);
    my $changed = 0;
    my $ok = eval {
        with_web_lock($d, sub {
            my $plan = plan_change($d);
            $say->(plan_lines($d, $plan), diffs(@{ $plan->{'files'} }));
            return if $dry_run || !$plan->{'changes'};
            # As it is: then it would not be our change that it refuses.
            test_web_server();
            $changed = 1;
            apply_plan($d, $plan);
        });
        $say->(prove($d, $sample)) if !$dry_run;
        1;
    };
    my $problem = $@;
    return if $ok;
    # Nothing has been loaded or answered: the modules are the usual reason.
    $problem .= "Apache needs its modules proxy and proxy_http.\n" if $problem =~ /ProxyPassMatch|status 500/;
    die $problem if !$changed;
    eval { take_back($d, sub { }); 1 } or die $problem . "It could not be taken back: $@";
    die $problem . "Everything has been taken back.\n";
}

# check_web_server(&domain) Dies if the web server of a domain is none that can be set up.
sub check_web_server {
    my ($d) = @_;
    my $server = virtual_server::domain_has_website($d)
        or die "It has no web site in Virtualmin. Mail clients can be answered only by a web server.\n";
    return if $server eq 'web';
    (my $pattern = $paths_pattern) =~ s/\$$//;
    die "Its web server is not Apache, but that of $server. Add the lines for your web server by hand. For nginx, to its server block:\n\n"
        . "    server_name autoconfig.$d->{'dom'} autodiscover.$d->{'dom'};\n"
        . "    location ~* ^$pattern\$ {\n"
        . "        proxy_pass http://unix:$answers_path:;\n"
        . "        proxy_set_header X-Forwarded-For \$remote_addr;\n"
        . "    }\n";
}

# with_web_lock(&domain, work) Runs a function while the domain's files of the web server are locked.
sub with_web_lock {
    my ($d, $work) = @_;
    virtual_server::obtain_lock_web($d) if !$d->{'gone'};
    no warnings 'once';
    # Webmin's error() exits; with this it dies.
    local $main::error_must_die = 1;
    my $ok    = eval { $work->(); 1 };
    my $error = $@;
    virtual_server::release_lock_web($d) if !$d->{'gone'};
    die $error if !$ok;
}

# web_site(&domain) Returns the domain whose web site a domain has: an alias domain has that of its target.
sub web_site {
    my ($d) = @_;
    return $d->{'alias'} ? virtual_server::get_domain($d->{'alias'}) : $d;
}

# virtual_hosts(&domain) Returns the domain's virtual hosts of Apache by their ports, as Webmin's structures. forget_apache() has
# them read again.
sub virtual_hosts {
    my ($d) = @_;
    my $site  = web_site($d);
    my @ports = ($site->{'web_port'} || 80, has_tls($site) ? tls_port($site) : ());
    return map { my ($host) = virtual_server::get_apache_virtual($d->{'dom'}, $_); $host ? ($_ => $host) : () } @ports;
}

sub has_tls { return $_[0]->{'ssl'} ? 1 : 0 }

sub tls_port { return $_[0]->{'web_sslport'} || 443 }

# forget_apache() Has Webmin read Apache's files again. Virtualmin would indent anew the files that it thinks were changed.
sub forget_apache {
    no warnings 'once';
    unflush_file_lines($_) for keys %main::file_cache;
    @apache::get_config_cache = ();
    undef($apache::saved_conf_files);
}

# answers_itself(virtual-hosts) Returns whether Virtualmin's own answers are on there.
sub answers_itself {
    my (@hosts) = @_;
    for my $members (map { $_->{'members'} } @hosts) {
        return 1 if grep { m{^(?:/\.well-known/autoconfig)?/mail/config-v1\.1\.xml\s} } apache::find_directive('Redirect', $members);
        return 1 if grep { m{^/autodiscover/autodiscover\.xml\s}i } apache::find_directive('ScriptAlias', $members);
    }
    return 0;
}

# plan_change(&domain) Returns what would change, as a hash reference: files (array references of path, text before and text
# after), own (whether Virtualmin's own answers are turned off), dns (records to add, as array references of name, type and
# address), and changes (whether there is any).
sub plan_change {
    my ($d) = @_;
    forget_apache();
    my %by_port = virtual_hosts($d) or die "Apache has no virtual host for it\n";
    my @hosts   = values(%by_port);
    my %before = map { $_->{'file'} => read_whole($_->{'file'}) } @hosts;
    # The virtual host of an alias domain is that of its target.
    my $own = !$d->{'alias'} && answers_itself(@hosts);
    turn_off_own($d, @hosts) if $own;
    my %lines = map { $_ => [ $own ? map { "$_\n" } @{ read_file_lines($_) } : split(/(?<=\n)/, $before{$_}) ] } keys %before;
    if (grep { !has_own_lines($d, @{ $lines{ $_->{'file'} } }[ $_->{'line'} .. $_->{'eline'} ]) } @hosts) {
        add_own_lines($d, \%lines, @hosts);
    }
    my @files = map { [ $_, $before{$_}, join('', @{ $lines{$_} }) ] } sort keys %lines;
    forget_apache();
    my @dns = missing_records($d);
    return { 'files' => \@files, 'own' => $own, 'dns' => \@dns, 'changes' => @dns || (grep { $_->[1] ne $_->[2] } @files) ? 1 : 0 };
}

# turn_off_own(&domain, virtual-hosts) Has Virtualmin remove its own answers from the lines of Apache's files that Webmin has in memory, and
# nowhere else. The DNS records stay: the same names are needed.
sub turn_off_own {
    my ($d, @hosts) = @_;
    # Virtualmin would take the names out of our lines, too, and move other values there.
    for my $host (@hosts) {
        my $lines = read_file_lines($host->{'file'});
        @{ $host->{'members'} } = grep { $lines->[ $_->{'line'} - 1 ] !~ /^\s*# Begin of mail setup / } @{ $host->{'members'} };
    }
    no warnings qw(redefine once);
    local *virtual_server::flush_file_lines  = sub { };
    local *apache::update_last_config_change = sub { };
    local @main::post_actions = ();
    my $problem = virtual_server::disable_email_autoconfig({ %$d, 'dns' => 0 });
    die "Virtualmin's own answers could not be turned off: $problem\n" if $problem;
}

# has_own_lines(&domain, lines) Returns whether the lines of a virtual host have those of own_lines(), however far they are indented.
sub has_own_lines {
    my ($d, @lines) = @_;
    my ($has, $own) = map { join('', map { s/^\s+//r } @$_) } \@lines, [ own_lines($d) ];
    return index($has, $own) >= 0;
}

# add_own_lines(&domain, &lines, virtual-hosts) Adds the lines of own_lines() to virtual hosts, in the lines of files by path; those
# that were there before are removed.
sub add_own_lines {
    my ($d, $lines, @hosts) = @_;
    for my $host (@hosts) {
        my $line = \$lines->{ $host->{'file'} }->[ $host->{'line'} ];
        die "$host->{'file'}: no virtual host in line " . ($host->{'line'} + 1) . "\n" if ($$line // '') !~ /^\s*<VirtualHost\b.*\n/i;
        # First, since the first ProxyPass that matches counts.
        $$line .= join('', own_lines($d));
    }
    for my $path (keys %$lines) { $lines->{$path} = [ without_own_lines($d, @{ $lines->{$path} }) ] }
}

# own_lines(&domain) Returns the lines that this module adds to a virtual host.
sub own_lines {
    my ($d) = @_;
    return map { "    $_\n" } "# Begin of mail setup $d->{'id'}: \"$command --domain $d->{'dom'} --undo\" removes these lines",
        'ServerAlias ' . join(' ', virtual_server::get_autoconfig_hostname($d)),
        "ProxyPassMatch \"(?i)^$paths_pattern\" \"unix:$answers_path|http://localhost\"", "# End of mail setup $d->{'id'}";
}

# without_own_lines(&domain, lines) Returns lines without those that own_lines() gave. What others wrote between them stays.
sub without_own_lines {
    my ($d, @lines) = @_;
    my $names = join('|', map { quotemeta } virtual_server::get_autoconfig_hostname($d));
    my ($inside, @kept) = (0);
    for my $line (@lines) {
        if ($line =~ /^\s*# (Begin|End) of mail setup \Q$d->{'id'}\E\b/) {
            $inside = $1 eq 'Begin';
            next;
        }
        $inside = 0 if $line =~ m{^\s*</VirtualHost}i;
        next if $inside && $line =~ /^\s*(?:ServerAlias(?:\s+(?:$names))+|ProxyPassMatch\s.*\Q$answers_path\E\|.*)\s*$/i;
        push(@kept, $line);
    }
    return @kept;
}

# missing_records(&domain) Returns the DNS records that Virtualmin would add for the host names, as enable_dns_autoconfig does.
sub missing_records {
    my ($d) = @_;
    return () if !$d->{'dns'};
    my ($records, $file) = virtual_server::get_domain_dns_records_and_file($d);
    die "Virtualmin finds no DNS zone for it\n" if !$file;
    my @missing;
    for my $name (virtual_server::get_autoconfig_hostname($d)) {
        my %has = map { $_->{'type'} => 1 } grep { $_->{'name'} eq "$name." } @$records;
        next if $has{'CNAME'};
        push(@missing, [ $name, 'A', $d->{'dns_ip'} || $d->{'ip'} ]) if !$has{'A'};
        push(@missing, [ $name, 'AAAA', $d->{'dns_ip6'} || $d->{'ip6'} ]) if !$has{'AAAA'} && $d->{'ip6'};
    }
    return @missing;
}

# plan_lines(&domain, &plan) Returns lines that say what a plan changes, and what the domain lacks.
sub plan_lines {
    my ($d, $plan) = @_;
    my @names = virtual_server::get_autoconfig_hostname($d);
    my @lines = $plan->{'changes'} ? () : 'Nothing has to be changed.';
    push(@lines, "Virtualmin's own answers are on: they are turned off, and --undo turns them on again.") if $plan->{'own'};
    push(@lines, map { "DNS record: $_->[0] $_->[1] $_->[2]" } @{ $plan->{'dns'} });
    push(@lines, "Virtualmin does not serve its DNS: @names need address records where that is done.") if !$d->{'dns'};
    my $site = web_site($d);
    if (!has_tls($site)) { push(@lines, 'Its web site has no TLS: Outlook asks only over https, and Thunderbird first.') }
    else {
        my @without = grep { !virtual_server::check_domain_certificate($_, $site) } @names;
        push(@lines, "Its certificate does not cover @without: clients that ask over https refuse the answer. Request a new certificate with these names.") if @without;
    }
    return @lines;
}

# diffs(files) Returns the differences of files, as array references of path, text before and text after, as unified diffs.
sub diffs {
    my (@files) = @_;
    my @lines;
    for my $file (grep { $_->[1] ne $_->[2] } @files) {
        my @parts = map { my $part = File::Temp->new(); print {$part} $_; close($part); $part } @$file[ 1, 2 ];
        open(my $diff, '-|', 'diff', '-u', '--label', $file->[0], '--label', $file->[0], map { "$_" } @parts) or die "diff: $!\n";
        chomp(my @differences = <$diff>);
        push(@lines, @differences);
    }
    return @lines;
}

# apply_plan(&domain, &plan) Makes the changes of a plan. What they were is stored first, so that they can be taken back.
sub apply_plan {
    my ($d, $plan) = @_;
    my $state = read_state($d);
    my %files = %{ $state->{'files'} || {} };
    my $own   = $plan->{'own'} || $state->{'own'};
    for my $file (@{ $plan->{'files'} }) {
        my ($path, $before, $after) = @$file;
        my $known = $files{$path};
        my $first = $known && $known->{'after'} eq sha256_hex($before) ? $known->{'before'}
            : $plan->{'own'} ? join('', without_own_lines($d, split(/(?<=\n)/, $before))) : undef;
        $files{$path} = { 'after' => sha256_hex($after), 'before' => $first };
    }
    my %dns = map { $_ => 1 } @{ $state->{'dns'} || [] }, map { $_->[0] } @{ $plan->{'dns'} };
    write_state($d, { 'domain' => $d->{'dom'}, 'files' => \%files, 'own' => $own ? 1 : 0, 'dns' => [ sort keys %dns ] });
    write_web_file($_->[0], $_->[2]) for grep { $_->[1] ne $_->[2] } @{ $plan->{'files'} };
    restart_web_server();
    for my $name (@{ $plan->{'dns'} } ? virtual_server::get_autoconfig_hostname($d) : ()) {
        my $problem = virtual_server::enable_dns_autoconfig($d, $name);
        die "DNS: $problem\n" if $problem;
    }
    virtual_server::run_post_actions_silently();
}

# write_web_file(path, text) Writes a file of the web server.
sub write_web_file {
    my ($path, $text) = @_;
    my $locked = lock_file($path);
    write_file_contents($path, $text);
    unlock_file($path) if $locked;
}

# test_web_server() Dies if Apache would refuse its files.
sub test_web_server {
    my $problem = apache::test_config() or return;
    die "Apache does not accept the configuration: " . $problem =~ s/\s+/ /gr . "\n";
}

# restart_web_server() Has Apache read its files again; dies if it would refuse them. Then it goes on with those that it has.
sub restart_web_server {
    forget_apache();
    test_web_server();
    virtual_server::register_post_action(\&virtual_server::restart_apache);
    virtual_server::run_post_actions_silently();
}

# state_folder() Returns the folder with what has been changed, in a file for each domain.
sub state_folder { return "$module_config_directory/web-server" }

sub state_file { return state_folder() . "/$_[0]->{'id'}" }

# read_state(&domain) Returns what has been changed for a domain: its name; files by path, with the checksum after the change and, if
# Virtualmin's own answers were on, the text before; own; and dns, the names that got records. Nothing has been changed if it is empty.
sub read_state {
    my ($d) = @_;
    my $path = state_file($d);
    return -e $path ? JSON::PP->new->decode(read_whole($path)) : {};
}

sub write_state {
    my ($d, $state) = @_;
    my $folder = state_folder();
    die "$folder: $!\n" if !-d $folder && !mkdir($folder, 0700);
    # The bytes of a file as characters.
    write_secret(state_file($d), JSON::PP->new->ascii->canonical->encode($state));
}

# changed_domains() Returns the domains that have been changed, the newest first: an alias domain comes before its target. A
# domain that Virtualmin has deleted since has only its id and name, and a key gone.
sub changed_domains {
    my %left = map { m{/(\d+)$} ? ($1 => 1) : () } glob(state_folder() . '/*');
    return () if !%left;
    my @there = grep { delete($left{ $_->{'id'} }) } all_domains();
    return ((map { +{ 'id' => $_, 'gone' => 1, 'dom' => read_state({ 'id' => $_ })->{'domain'} } } sort keys %left), reverse @there);
}

# take_back(&domain, say, dry-run) Takes back what put_behind() has changed, and only that. say is as in put_behind().
sub take_back {
    my ($d, $say, $dry_run) = @_;
    with_web_lock($d, sub {
        my $undo = plan_undo($d);
        my $none = !-e state_file($d) && !@{ $undo->{'files'} };
        $say->($none ? 'There is nothing to take back.' : undo_lines($undo));
        apply_undo($d, $undo) if !$dry_run && !$none;
    });
}

# plan_undo(&domain) Returns what would be taken back, as a hash reference: files (as plan_change() does, only those that change),
# dns (the names whose records are removed), own (whether Virtualmin's own answers are on again after that), and turn_on (whether
# Virtualmin has to turn them on: the text of the file before the change is not used if the file has been edited since).
sub plan_undo {
    my ($d) = @_;
    forget_apache();
    my $state = read_state($d);
    my $known = $state->{'files'} || {};
    my $web   = $d->{'gone'} ? '' : virtual_server::domain_has_website($d) // '';
    my %hosts = $web eq 'web' ? virtual_hosts($d) : ();
    my %there = map { $_ => 1 } grep { -e } keys %$known, map { $_->{'file'} } values(%hosts);
    my (@files, $edited);
    for my $path (sort keys %there) {
        my $text   = read_whole($path);
        my $before = $known->{$path} && $known->{$path}->{'after'} eq sha256_hex($text) ? $known->{$path}->{'before'} : undef;
        $edited = 1 if !defined($before);
        push(@files, [ $path, $text, $before // join('', without_own_lines($d, split(/(?<=\n)/, $text))) ]);
    }
    my $own = $state->{'own'} && %hosts ? 1 : 0;
    # Virtualmin renames the records with the domain.
    my @dns = map { s/\Q$state->{'domain'}\E$/$d->{'dom'}/r } @{ $state->{'dns'} || [] };
    return { 'files' => [ grep { $_->[1] ne $_->[2] } @files ], 'dns' => \@dns, 'own' => $own, 'turn_on' => $own && $edited };
}

# undo_lines(&undo) Returns lines that say what plan_undo() takes back.
sub undo_lines {
    my ($undo) = @_;
    return ($undo->{'own'} ? "Virtualmin's own answers are turned on again." : ()), (map { "The DNS records of $_ are removed." } @{ $undo->{'dns'} }),
        diffs(@{ $undo->{'files'} });
}

# apply_undo(&domain, &undo) Takes back what plan_undo() returns.
sub apply_undo {
    my ($d, $undo) = @_;
    write_web_file($_->[0], $_->[2]) for @{ $undo->{'files'} };
    remove_records($d, @{ $undo->{'dns'} });
    forget_apache();
    my $problem = $undo->{'turn_on'} ? virtual_server::enable_email_autoconfig($d) : undef;
    restart_web_server() if @{ $undo->{'files'} };
    virtual_server::run_post_actions_silently();
    die "Virtualmin's own answers could not be turned on again: $problem\n" if $problem;
    unlink(state_file($d));
    rmdir(state_folder());
}

# take_back_all() Takes back everything. Returns the errors.
sub take_back_all {
    my @errors;
    for my $d (changed_domains()) {
        eval { take_back($d, sub { }); 1 } or push(@errors, "$d->{'dom'}: $@");
    }
    return @errors;
}

# remove_records(&domain, names) Removes the address records of host names, as disable_email_autoconfig does.
sub remove_records {
    my ($d, @names) = @_;
    return if !@names || !$d->{'dns'};
    virtual_server::obtain_lock_dns($d);
    my ($records, $file) = virtual_server::get_domain_dns_records_and_file($d);
    my %gone = map { +"$_." => 1 } @names;
    my @remove = grep { $_->{'type'} =~ /^(?:A|AAAA)$/ && $gone{ $_->{'name'} } } $file ? @$records : ();
    virtual_server::delete_dns_record($records, $file, $_) for @remove;
    if (@remove) {
        virtual_server::post_records_change($d, $records, $file);
        virtual_server::register_post_action(\&virtual_server::restart_bind, $d);
    }
    virtual_server::release_lock_dns($d);
}

# sample_mailbox(&domain, &told) Returns an address of a domain and the login that mail clients have to be told, as the pages show
# it: if there is one, a login that does not contain the part before the @, or that is not equal to it. Without a mailbox the login
# is undef.
sub sample_mailbox {
    my ($d, $told) = @_;
    my $name = web_site($d)->{'dom'};
    my @mailboxes = @{ JSON::PP->new->utf8->decode(app_text("/domains/$name/mailboxes.json"))->{'mailboxes'} };
    my @samples;
    for my $mailbox (@mailboxes) {
        my ($local) = ($mailbox->{'emailAddress'} // '') =~ /^([^@]+)\@\Q$name\E$/ or next;
        my $address = "$local\@$d->{'dom'}";
        my $login   = $told->{'answers'} eq 'address' ? "$local\@" . ($told->{'aliasOf'} // $d->{'dom'}) : $mailbox->{'login'};
        my $sample  = { 'address' => $address, 'login' => $login };
        push(@{ $samples[ index($login, $local) < 0 ? 0 : $login ne $local ? 1 : 2 ] }, $sample);
    }
    return (map { @{ $_ // [] } } @samples)[0] // { 'address' => "postmaster\@$d->{'dom'}" };
}

# prove(&domain, &sample) Asks for the settings of a mailbox as mail clients do, at the address of the domain's web site. Returns a
# line that says what was asked; dies with the last problem.
sub prove {
    my ($d, $sample) = @_;
    my @questions = client_questions($d, $sample->{'address'});
    my $problem;
    for my $try (1 .. $proof_tries) {
        sleep(1) if $try > 1;
        # Each time as another client of this machine: the answer service limits the questions of one.
        my $from = join('.', 127, map { 1 + int(rand(254)) } 1 .. 3);
        $problem = undef;
        for my $question (@questions) {
            $problem = answer_problem($question, $sample->{'login'}, ask_web_site($question, $from)) or next;
            last;
        }
        return proof_line($sample, scalar(@questions)) if !$problem;
    }
    die "The proof failed: $problem\n";
}

# proof_line(&sample, questions) Returns the line that says what has been proved.
sub proof_line {
    my ($sample, $count) = @_;
    return "Proof: $count of $count questions are answered, for $sample->{'address'} with the login $sample->{'login'}." if defined($sample->{'login'});
    return "Proof: $count of $count questions are answered. There is no mailbox whose login could be compared.";
}

# client_questions(&domain, address) Returns the questions of mail clients, as hash references: address and port of the web server,
# tls, host, method, path, body, login (a pattern for the login in the answer), and to_tls (the port and the hosts to which a web
# site may redirect a question to https).
sub client_questions {
    my ($d, $address) = @_;
    my ($autoconfig, $autodiscover) = virtual_server::get_autoconfig_hostname($d);
    my $query = 'emailaddress=' . $address =~ s/([^A-Za-z0-9_.~-])/sprintf('%%%02X', ord($1))/ger;
    my $body  = '<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">'
        . '<Request><EMailAddress>' . html_escape($address) . '</EMailAddress><AcceptableResponseSchema>'
        . 'http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>';
    my @questions;
    my $site    = web_site($d);
    my %by_port = virtual_hosts($d);
    my $to_tls  = { 'port' => tls_port($site), 'hosts' => has_tls($site) ? [ $d->{'dom'}, $autoconfig, $autodiscover ] : [] };
    for my $port (sort { $a <=> $b } keys %by_port) {
        my %all = ('address' => $site->{'ip'} || $site->{'ip6'}, 'port' => $port, 'tls' => has_tls($site) && $port == tls_port($site),
            'to_tls' => $to_tls, 'method' => 'GET', 'body' => '', 'login' => qr{<username>([^<]*)</username>});
        push(@questions, { %all, 'host' => $autoconfig, 'path' => "/mail/config-v1.1.xml?$query" },
            { %all, 'host' => $d->{'dom'}, 'path' => "/.well-known/autoconfig/mail/config-v1.1.xml?$query" },
            { %all, 'host' => $d->{'dom'}, 'path' => "/mail/setup.mobileconfig?$query", 'login' => qr{ServerUsername</key>\s*<string>([^<]*)</string>} },
            { %all, 'host' => $autodiscover, 'path' => '/autodiscover/autodiscover.xml', 'method' => 'POST', 'body' => $body,
                'login' => qr{<LoginName>([^<]*)</LoginName>} });
    }
    return @questions;
}

# answer_problem(&question, login, status, body) Returns what is wrong with the answer to a question; nothing if it is right. Without
# a status the body is the error.
sub answer_problem {
    my ($question, $login, $status, $body) = @_;
    my $what = ($question->{'tls'} ? 'https' : 'http') . "://$question->{'host'}" . $question->{'path'} =~ s/\?.*//r;
    return "$what: $body" if !defined($status);
    return "$what: the answer has the status $status" if $status ne '200';
    my @logins = $body =~ /$question->{'login'}/g or return "$what: the answer has no login";
    return if !defined($login);
    my ($other) = grep { $_ ne html_escape($login) && $_ ne $login } @logins;
    return defined($other) ? "$what: the answer has the login " . substr($other, 0, 100) . " instead of $login" : undef;
}

# ask_web_site(&question, from) Returns the answer to a question as ask_web_server() does. Many web sites redirect to https; mail
# clients follow.
sub ask_web_site {
    my ($question, $from) = @_;
    my ($status, $body, $location) = ask_web_server($question, $from);
    return ($status, $body) if $question->{'tls'} || ($status // '') !~ /^30[1278]$/;
    my ($host, $path) = ($location // '') =~ m{^https://([^/:]+)(?::\d+)?(/.*)$} or return ($status, $body);
    return ($status, $body) if !grep { $_ eq lc($host) } @{ $question->{'to_tls'}->{'hosts'} };
    return ask_web_server({ %$question, 'tls' => 1, 'port' => $question->{'to_tls'}->{'port'}, 'host' => $host, 'path' => $path }, $from);
}

# ask_web_server(&question, from) Sends a question to the web server from a local address. Returns the status, the body and the
# location of its answer; or undef and the error. The certificate is not verified: a name that it does not cover is a remark.
sub ask_web_server {
    my ($question, $from) = @_;
    my %peer = ('PeerHost' => $question->{'address'}, 'PeerPort' => $question->{'port'}, 'Timeout' => $request_timeout);
    # Not possible if the address is not one of this machine, or of IPv6.
    my $socket = ($question->{'address'} =~ /:/ ? undef : IO::Socket::IP->new(%peer, 'LocalHost' => $from)) || IO::Socket::IP->new(%peer)
        or return (undef, "no connection to $question->{'address'}:$question->{'port'}: $@");
    setsockopt($socket, SOL_SOCKET, $_, pack('l!l!', $request_timeout, 0)) for SO_RCVTIMEO, SO_SNDTIMEO;
    local $SIG{'PIPE'} = 'IGNORE';
    my $request = join("\r\n", "$question->{'method'} $question->{'path'} HTTP/1.0", "Host: $question->{'host'}", 'User-Agent: setup-mail-autoconfig',
        $question->{'body'} eq '' ? () : ('Content-Type: text/xml', 'Content-Length: ' . length($question->{'body'})), '', $question->{'body'});
    my ($text, $error) = $question->{'tls'} ? exchange_over_tls($socket, $question->{'host'}, $request) : exchange($socket, $request);
    return (undef, $error) if !defined($text);
    my ($head, $body) = split(/\r\n\r\n/, $text, 2);
    my ($status) = ($head // '') =~ m{^HTTP/1\.[01] (\d{3})} or return (undef, 'no answer');
    return ($status, $body // '', $head =~ /^Location:[ \t]*(\S+)/mi ? $1 : undef);
}

# Bytes of an answer that are read at most.
my $answer_limit = 1024 * 1024;

# exchange(socket, request) Sends a request. Returns the answer.
sub exchange {
    my ($socket, $request) = @_;
    print {$socket} $request;
    $socket->flush();
    my ($text, $end) = ('', time() + $request_timeout);
    while (time() < $end && length($text) < $answer_limit && sysread($socket, $text, 65536, length($text))) { }
    return $text;
}

# exchange_over_tls(socket, host, request) Sends a request over TLS, to the server of that name (SNI). Returns the answer; or undef
# and the error.
sub exchange_over_tls {
    my ($socket, $host, $request) = @_;
    require Net::SSLeay;
    Net::SSLeay::initialize();
    my $context = Net::SSLeay::CTX_new() or return (undef, 'no TLS');
    my $tls     = Net::SSLeay::new($context);
    Net::SSLeay::set_fd($tls, fileno($socket));
    Net::SSLeay::set_tlsext_host_name($tls, $host);
    my ($text, $end) = ('', time() + $request_timeout);
    my $done = Net::SSLeay::connect($tls) == 1 && Net::SSLeay::write($tls, $request) > 0;
    while ($done && time() < $end && length($text) < $answer_limit) {
        my $bytes = Net::SSLeay::read($tls);
        last if !defined($bytes) || $bytes eq '';
        $text .= $bytes;
    }
    my $error = $done ? '' : Net::SSLeay::ERR_error_string(Net::SSLeay::ERR_get_error());
    Net::SSLeay::free($tls);
    Net::SSLeay::CTX_free($context);
    return $done ? $text : (undef, "TLS: $error");
}

1;
