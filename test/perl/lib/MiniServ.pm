# Starts the stand-in of Webmin's web server (see miniserv.pl beside this file) and sends it requests.
#
#   my $panel = MiniServ->start(
#       'modules'     => { 'virtualmin-mail-setup' => $folder },      # folders, linked below the server's root
#       'users'       => { 'root' => 'secret', 'ann' => { 'password' => 'x', 'allow' => '127.0.0.1' } },
#       'acl'         => { 'root' => [qw(virtual-server virtualmin-mail-setup)] },
#       'config'      => { 'ssl' => 1, 'forkcgis' => 1, 'blockhost_time' => 2 },   # of miniserv.conf
#       'folder'      => $config_directory,                           # in place of /etc/webmin; created by default
#   );
#   $panel->environment('TEST_USER' => 'ann');                        # of the CGIs, from the next request on
#   my $answer = $panel->request('GET', '/virtualmin-mail-setup/index.cgi/', 'version' => '1.1');
#   is($answer->status, 200); is($answer->header('content-type'), 'text/html'); ok($answer->complete);
package MiniServ;
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use Socket qw(SOL_SOCKET SO_RCVTIMEO);
use Time::HiRes qw(sleep time);

use lib dirname(__FILE__);
use MiniServ::Answer;

my $here = dirname(__FILE__);

# start(options) Starts a server. `config` overrides every other value of its configuration. Without `users` and `acl` the files
# in `folder` stay as they are; if there are none, the only user is root with the password "secret".
sub start {
    my ($class, %given) = @_;
    my $folder = $given{'folder'} // tempdir('CLEANUP' => 1);
    my $own    = tempdir('CLEANUP' => 1);
    my $root   = $given{'root'} // "$own/root";
    my $self   = bless({ 'folder' => $folder, 'root' => $root, 'own' => $own, 'environment' => {} }, $class);
    my %modules = %{ $given{'modules'} // {} };
    if (!$given{'root'}) {
        make_path("$root/virtual-server");
        symlink("$here/remote.cgi", "$root/virtual-server/remote.cgi");
        write_file("$root/virtual-server/module.info", "desc=Virtualmin Virtual Servers\nversion=8.1.0\n");
    }
    symlink($modules{$_}, "$root/$_") or die "$root/$_: $!" for sort keys %modules;
    my $users = $given{'users'} // (-e "$folder/miniserv.users" ? undef : { 'root' => 'secret' });
    my $acl   = $given{'acl'} // (-e "$folder/webmin.acl" ? undef : { 'root' => [ 'virtual-server', sort keys %modules ] });
    $self->{'passwords'} = {};
    $self->set_user($_, $users->{$_}) for sort keys %{ $users // {} };
    write_file("$folder/webmin.acl", join('', map { "$_: @{ $acl->{$_} }\n" } sort keys %$acl)) if $acl;
    $self->{'config'} = {
        'port'             => 0,
        'bind'             => '127.0.0.1',
        'root'             => $root,
        'perllib'          => $here,
        'userfile'         => "$folder/miniserv.users",
        'sessiondb'        => "$own/sessions",
        'logfile'          => "$own/miniserv.log",
        'errorlog'         => "$own/miniserv.error",
        'pidfile'          => "$own/miniserv.pid",
        'env_WEBMIN_CONFIG' => $folder,
        'env_WEBMIN_VAR'   => $own,
        'env_TEST_RECORDINGS' => "$here/../../../src/demo/recordings",
        'test_delay'       => 0,
        'test_environment' => "$own/environment",
        # A configuration that a test has written before overrides these defaults.
        (-e "$folder/miniserv.conf" ? values_of("$folder/miniserv.conf") : ()),
        %{ $given{'config'} // {} },
    };
    $self->write_config();
    $self->{'pid'} = open(my $output, '-|', $^X, "$here/miniserv.pl", '--config', "$folder/miniserv.conf") or die $!;
    $self->{'output'} = $output;
    $self->{'port'} = <$output> // die 'the stand-in of MiniServ did not start';
    chomp($self->{'port'});
    return $self;
}

sub port { return $_[0]->{'port'} }

# folder() Returns the configuration directory.
sub folder { return $_[0]->{'folder'} }

sub root { return $_[0]->{'root'} }

sub url { my ($self) = @_; return ($self->{'config'}->{'ssl'} ? 'https' : 'http') . "://127.0.0.1:$self->{'port'}" }

# errors() Returns the error log, request_log() the log of requests.
sub errors      { return read_whole($_[0]->{'config'}->{'errorlog'}) }
sub request_log { return read_whole($_[0]->{'config'}->{'logfile'}) }

# set_user(name, user) Writes a user: a password, or a hash of a password and allowed addresses. As with the real server, it
# takes effect after a reload.
sub set_user {
    my ($self, $name, $user) = @_;
    $user = { 'password' => $user } if !ref($user);
    $self->{'passwords'}->{$name} = $user->{'password'};
    my $path  = "$self->{'folder'}/miniserv.users";
    my $allow = $user->{'allow'} ? "allow $user->{'allow'}" : '';
    my @others = grep { !/^\Q$name\E:/ } split(/^/, read_whole($path));
    write_file($path, join('', @others, "$name:" . crypt($user->{'password'}, '$6$somesalt') . ":::$allow\n"));
}

# session(user) Starts a session of a user, for session=1. Returns its id, the value of the cookie "sid".
sub session {
    my ($self, $user) = @_;
    my $id = sprintf('%08x%08x', rand(2**32), rand(2**32));
    write_file("$self->{'own'}/sessions", read_whole("$self->{'own'}/sessions") . "$id $user\n");
    return $id;
}

# environment(pairs) Sets variables in the environment of CGIs, from the next request on; an undefined value removes one.
sub environment {
    my ($self, %pairs) = @_;
    my $all = $self->{'environment'};
    for (keys %pairs) { defined($pairs{$_}) ? ($all->{$_} = $pairs{$_}) : delete($all->{$_}) }
    write_file("$self->{'own'}/environment", join('', map { "$_=$all->{$_}\n" } sort keys %$all));
}

# configure(pairs) Changes the server's configuration and reloads it; an undefined value removes a key.
sub configure {
    my ($self, %pairs) = @_;
    my $all = $self->{'config'};
    for (keys %pairs) { defined($pairs{$_}) ? ($all->{$_} = $pairs{$_}) : delete($all->{$_}) }
    $self->write_config();
    $self->reload();
}

sub write_config {
    my ($self) = @_;
    write_file("$self->{'folder'}/miniserv.conf", join('', map { "$_=$self->{'config'}->{$_}\n" } sort keys %{ $self->{'config'} }));
}

# reload() Has the server read its configuration and users again, and waits until it has done so.
sub reload {
    my ($self) = @_;
    my $count = () = $self->errors() =~ /Reloading configuration/g;
    kill('USR1', $self->{'pid'});
    for (1 .. 500) {
        my $now = () = $self->errors() =~ /Reloading configuration/g;
        return if $now > $count;
        sleep(0.01);
    }
    die 'the stand-in of MiniServ did not reload';
}

sub stop {
    my ($self) = @_;
    my $pid = delete($self->{'pid'}) or return;
    kill('TERM', $pid);
    local $?;
    close($self->{'output'});
}

sub DESTROY { $_[0]->stop() }

# request(method, path, options) Sends a request, by default as root with the right password, and returns a MiniServ::Answer.
# Options: version (default '1.0'), headers (a hash, or a list of pairs as an array), body, user (undef: without a login),
# password, from (a loopback address), leave_after (bytes after which the client disconnects), timeout (seconds without data,
# default 20), plain (no TLS), and raw (a whole request that is sent instead).
sub request {
    my ($self, $method, $path, %given) = @_;
    my $text = $given{'raw'} // $self->request_text($method, $path, %given);
    my $socket = IO::Socket::INET->new('PeerAddr' => '127.0.0.1', 'PeerPort' => $self->{'port'}, 'LocalAddr' => $given{'from'} // '127.0.0.1')
        or die "the panel's port: $!";
    local $SIG{'PIPE'} = 'IGNORE';
    my $timeout = $given{'timeout'} // 20;
    # Over TLS can_read() is not enough: OpenSSL waits for the rest if only a part of a record has arrived.
    setsockopt($socket, SOL_SOCKET, SO_RCVTIMEO, pack('l!l!', int($timeout), 1_000_000 * ($timeout - int($timeout))))
        or die "SO_RCVTIMEO: $!";
    my $tls = $self->{'config'}->{'ssl'} && !$given{'plain'} ? client_tls($socket) : undef;
    if ($tls) { Net::SSLeay::write($tls, $text) }
    else { send_all($socket, $text) }
    my ($raw, $ended) = ('', 'closed');
    my $readable = IO::Select->new($socket);
    while (1) {
        if (defined($given{'leave_after'}) && length($raw) >= $given{'leave_after'}) { $ended = 'left'; last }
        if (!($tls && Net::SSLeay::pending($tls)) && !$readable->can_read($timeout)) { $ended = 'silent'; last }
        my ($bytes, $read);
        if ($tls) { $bytes = Net::SSLeay::read($tls); $read = length($bytes // '') }
        else { $read = sysread($socket, $bytes, 65536) }
        if (!defined($read)) { $ended = 'reset'; last }
        last if !$read;
        $raw .= $bytes;
    }
    Net::SSLeay::free($tls) if $tls;
    close($socket);
    return MiniServ::Answer->new($raw, $ended);
}

sub request_text {
    my ($self, $method, $path, %given) = @_;
    my @pairs = ref($given{'headers'} // {}) eq 'HASH' ? %{ $given{'headers'} // {} } : @{ $given{'headers'} };
    my $user  = exists($given{'user'}) ? $given{'user'} : 'root';
    if (defined($user)) {
        my $password = $given{'password'} // $self->{'passwords'}->{$user} // die "no password for $user";
        push(@pairs, 'Authorization', 'Basic ' . encode_base64("$user:$password", ''));
    }
    my %has = map { lc($pairs[ $_ * 2 ]) => 1 } 0 .. @pairs / 2 - 1;
    push(@pairs, 'Host', "127.0.0.1:$self->{'port'}") if !$has{'host'};
    if (defined($given{'body'})) {
        push(@pairs, 'Content-Type', 'application/x-www-form-urlencoded') if !$has{'content-type'};
        push(@pairs, 'Content-Length', length($given{'body'})) if !$has{'content-length'};
    }
    my $text = "$method $path HTTP/" . ($given{'version'} // '1.0') . "\r\n";
    while (my ($name, $value) = splice(@pairs, 0, 2)) { $text .= "$name: $value\r\n" }
    return "$text\r\n" . ($given{'body'} // '');
}

# send_all(socket, text) Sends a text, until the server accepts no more.
sub send_all {
    my ($socket, $text) = @_;
    while (length($text)) {
        my $count = syswrite($socket, $text) or return;
        substr($text, 0, $count) = '';
    }
}

sub client_tls {
    my ($socket) = @_;
    require Net::SSLeay;
    Net::SSLeay::initialize();
    my $connection = Net::SSLeay::new(Net::SSLeay::CTX_new());
    Net::SSLeay::set_fd($connection, fileno($socket));
    Net::SSLeay::connect($connection) > 0 or die 'no TLS with the panel';
    return $connection;
}

sub values_of { return map { /^([^=]+)=(.*)$/ ? ($1, $2) : () } split(/\n/, read_whole($_[0])) }

sub read_whole { my ($path) = @_; open(my $file, '<:raw', $path) or return ''; local $/; return <$file> // '' }

sub write_file { my ($path, $text) = @_; open(my $file, '>:raw', $path) or die "$path: $!"; print {$file} $text; close($file) }

1;
