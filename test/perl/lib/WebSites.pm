# A stand-in for those functions of Virtualmin's library and of Webmin's Apache module that have to do with web sites and their DNS
# records (docs/webmin-contract.md lists them). Apache's files are the *.conf in the folder apache of Webmin's configuration; what
# it has loaded is in the folder loaded, where the web server of the tests reads it.
package apache; ## no critic (Modules::RequireFilenameMatchesPackage)
use strict;
use warnings;
use File::Copy ();
use WebminCore;

our (@get_config_cache, $saved_conf_files, %config);

# Apache's complaint about its files, as `apachectl configtest` prints it.
our $complaint;

# get_config() Returns the virtual hosts of all files. Once read they stay in @get_config_cache (apache-lib.pl, get_config). The stand-in
# knows directives directly in a virtual host only.
sub _get_config {
    return \@get_config_cache if @get_config_cache;
    for my $path (sort glob(WebminCore::config_directory() . '/apache/*.conf')) {
        my ($number, $host) = (0);
        for my $line (@{ read_file_lines($path) }) {
            if ($line =~ /^\s*<VirtualHost\s+(\S+)>/) {
                $host = { 'file' => $path, 'line' => $number, 'name' => 'VirtualHost', 'words' => [$1], 'members' => [] };
                push(@get_config_cache, $host);
            }
            elsif ($line =~ m{^\s*</VirtualHost>}) { $host->{'eline'} = $number }
            elsif ($line =~ /^\s*([A-Za-z]\w*)\s+(.*)$/) {
                push(@{ $host->{'members'} }, { 'file' => $path, 'line' => $number, 'name' => $1, 'value' => $2, 'words' => [ split(' ', $2) ] });
            }
            $number++;
        }
    }
    return \@get_config_cache;
}

# find_directive(name, &members) Returns the values of a directive (apache-lib.pl, find_directive).
sub find_directive {
    my ($name, $members) = @_;
    return map { $_->{'value'} } grep { lc($_->{'name'}) eq lc($name) } @$members;
}

# _save_directive(name, &values, &members) Gives the directives of a name these values: the first gets the first value, and so on.
# Those without a value are removed; new ones come after the last (apache-lib.pl, save_directive).
sub _save_directive {
    my ($name, $values, $members) = @_;
    update_last_config_change();
    my @old = grep { lc($_->{'name'}) eq lc($name) } @$members;
    my $lines = read_file_lines($members->[0]->{'file'});
    for my $i (0 .. (@old > @$values ? $#old : $#{$values})) {
        if ($i >= @$values) {
            splice(@$lines, $old[$i]->{'line'}, 1);
            @$members = grep { $_ != $old[$i] } @$members;
            _renumber($old[$i]->{'file'}, $old[$i]->{'line'}, -1);
        }
        elsif ($i < @old) {
            @{ $old[$i] }{qw(value words)} = ($values->[$i], [ split(' ', $values->[$i]) ]);
            $lines->[ $old[$i]->{'line'} ] = "    $name $values->[$i]";
        }
        else {
            my $line = $members->[-1]->{'line'} + 1;
            _renumber($members->[0]->{'file'}, $line, 1);
            splice(@$lines, $line, 0, "    $name $values->[$i]");
            push(@$members, { 'file' => $members->[0]->{'file'}, 'line' => $line, 'name' => $name, 'value' => $values->[$i], 'words' => [] });
        }
    }
    push(@$saved_conf_files, $members->[0]->{'file'});
}

# _renumber(file, line, offset) Moves what begins or ends there or below (apache-lib.pl, renumber).
sub _renumber {
    my ($path, $from, $offset) = @_;
    for my $struct (map { ($_, @{ $_->{'members'} }) } @get_config_cache) {
        next if $struct->{'file'} ne $path;
        for my $key (grep { defined($struct->{$_}) && $struct->{$_} >= $from } qw(line eline)) { $struct->{$key} += $offset }
    }
}

# How often Apache's files have been marked as changed.
our $marked = 0;

sub update_last_config_change { $marked++; return }

# test_config() Returns Apache's complaint; nothing if it accepts its files (apache-lib.pl, test_config).
sub test_config { return $complaint }

package virtual_server; ## no critic (Modules::ProhibitMultiplePackages)
use WebminCore;

our (%got_lock, %dns_records, %certificates, %calls, $config_directory);

# domain_has_website(&domain) Returns "web" for Apache, and the name of a plugin for another web server (virtual-server-lib-funcs.pl).
sub domain_has_website {
    my ($d) = @_;
    return $d->{'web'} ? 'web' : (grep { $d->{$_} } qw(virtualmin-nginx))[0];
}

sub get_autoconfig_hostname { my ($d) = @_; return map { "$_.$d->{'dom'}" } qw(autoconfig autodiscover) }

sub obtain_lock_web { my ($d) = @_; $got_lock{"web $d->{'id'}"}++ }

sub release_lock_web { my ($d) = @_; delete($got_lock{"web $d->{'id'}"}) }

sub obtain_lock_dns { my ($d) = @_; $got_lock{"dns $d->{'id'}"}++ }

sub release_lock_dns { my ($d) = @_; delete($got_lock{"dns $d->{'id'}"}) }

# get_apache_virtual(name, port) Returns the virtual host of that port which has the name, its directives and Apache's configuration;
# nothing if there is none (feature-web.pl).
sub get_apache_virtual {
    my ($name, $port) = @_;
    for my $host (@{ apache::_get_config() }) {
        next if $host->{'words'}->[0] !~ /:\Q$port\E$/;
        my @names = map { split } apache::find_directive('ServerName', $host->{'members'}), apache::find_directive('ServerAlias', $host->{'members'});
        return ($host, $host->{'members'}, apache::_get_config()) if grep { lc eq $name || lc eq "www.$name" } @names;
    }
    return ();
}

# flush_file_lines(file) Writes the lines of read_file_lines() (web-lib-funcs.pl).
sub flush_file_lines {
    my ($path) = @_;
    open(my $file, '>', $path) or die "$path: $!";
    print {$file} map { "$_\n" } @{ read_file_lines($path) };
    close($file);
    unflush_file_lines($path);
}

my @redirects = map { "$_/mail/config-v1.1.xml /cgi-bin/autoconfig.cgi" } '', '/.well-known/autoconfig';

# The ports of a domain's virtual hosts.
sub _ports { my ($d) = @_; return ($d->{'web_port'}, $d->{'ssl'} ? $d->{'web_sslport'} : ()) }

# Adds the names, the redirects and the DNS records, if they are missing (feature-mail.pl). Returns an error, or nothing.
sub enable_email_autoconfig {
    my ($d) = @_;
    $calls{'enable_email_autoconfig'}++;
    my @hosts = grep { $_ } map { (get_apache_virtual($d->{'dom'}, $_))[0] } _ports($d);
    for my $host (@hosts) {
        my @aliases = apache::find_directive('ServerAlias', $host->{'members'});
        for my $name (get_autoconfig_hostname($d)) { push(@aliases, $name) if !grep { $_ eq $name } map { split } @aliases }
        apache::_save_directive('ServerAlias', \@aliases, $host->{'members'});
        apache::_save_directive('Redirect', [ apache::find_directive('Redirect', $host->{'members'}), @redirects ], $host->{'members'});
        flush_file_lines($host->{'file'});
    }
    register_post_action(\&restart_apache) if @hosts;
    enable_dns_autoconfig($d, $_) for $d->{'dns'} ? get_autoconfig_hostname($d) : ();
    return @hosts ? undef : "No Apache virtual hosts for $d->{'dom'} found";
}

# Removes the names, the redirects and the DNS records (feature-mail.pl). Returns an error, or nothing.
sub disable_email_autoconfig {
    my ($d) = @_;
    my @hosts = grep { $_ } map { (get_apache_virtual($d->{'dom'}, $_))[0] } _ports($d);
    my %gone = map { $_ => 1 } get_autoconfig_hostname($d);
    for my $host (@hosts) {
        my @aliases = map { join(' ', grep { !$gone{$_} } split) } apache::find_directive('ServerAlias', $host->{'members'});
        apache::_save_directive('ServerAlias', [ grep { $_ ne '' } @aliases ], $host->{'members'});
        my @kept = grep { !m{/mail/config-v1\.1\.xml } } apache::find_directive('Redirect', $host->{'members'});
        apache::_save_directive('Redirect', \@kept, $host->{'members'});
        flush_file_lines($host->{'file'});
    }
    register_post_action(\&restart_apache) if @hosts;
    @{ $dns_records{ $d->{'id'} } } = grep { !$gone{ $_->{'name'} =~ s/\.$//r } } @{ $dns_records{ $d->{'id'} } || [] } if $d->{'dns'};
    return @hosts ? undef : "No Apache virtual hosts for $d->{'dom'} found";
}

# The records of a domain and their file; without a zone an error and no file (feature-dns.pl).
sub get_domain_dns_records_and_file {
    my ($d) = @_;
    my $records = $dns_records{ $d->{'id'} } or return ("No DNS zone for $d->{'dom'} found");
    return ($records, 'zone');
}

# Adds the address records of a name that has none (feature-mail.pl, create_dns_autoconfig_records).
sub enable_dns_autoconfig {
    my ($d, $name) = @_;
    my $records = $dns_records{ $d->{'id'} } or return "No DNS zone for $d->{'dom'} found";
    my %has = map { $_->{'type'} => 1 } grep { $_->{'name'} eq "$name." } @$records;
    return if $has{'CNAME'};
    push(@$records, { 'name' => "$name.", 'type' => 'A', 'values' => [ $d->{'dns_ip'} || $d->{'ip'} ] }) if !$has{'A'};
    push(@$records, { 'name' => "$name.", 'type' => 'AAAA', 'values' => [ $d->{'dns_ip6'} || $d->{'ip6'} ] }) if !$has{'AAAA'} && $d->{'ip6'};
    register_post_action(\&restart_bind, $d);
    return;
}

sub delete_dns_record { my ($records, undef, $record) = @_; @$records = grep { $_ != $record } @$records }

sub post_records_change { my ($d) = @_; $got_lock{"dns $d->{'id'}"} or die 'the zone is not locked'; $calls{'post_records_change'}++ }

sub restart_bind { $calls{'restart_bind'}++ }

# Has Apache read its files again, after Webmin has indented anew those that it has changed (feature-web.pl; apache-lib.pl,
# format_modifed_config_files).
sub restart_apache {
    $calls{'restart_apache'}++;
    my $etc = WebminCore::config_directory();
    for my $path (@{ $apache::saved_conf_files || [] }) {
        my $lines = read_file_lines($path);
        s/^\s+/    / for @$lines;
        flush_file_lines($path);
    }
    mkdir("$etc/loaded");
    unlink(glob("$etc/loaded/*"));
    for my $path (glob("$etc/apache/*.conf")) { File::Copy::copy($path, "$etc/loaded") or die $! }
}

sub register_post_action { my (@action) = @_; push(@main::post_actions, \@action) }

sub run_post_actions_silently {
    my %done;
    for my $action (splice(@main::post_actions)) {
        my ($code, @arguments) = @$action;
        $code->(@arguments) if !$done{ join(',', @$action) }++;
    }
}

# check_domain_certificate(name, &domain) Returns whether the domain's certificate covers a name (feature-ssl.pl).
sub check_domain_certificate { my ($name, $d) = @_; return (grep { $_ eq $name } @{ $certificates{ $d->{'id'} } || [] }) ? 1 : 0 }

1;
