# What the module's commands share: options and help from a command's POD, requests to the app, and error messages.
use strict;
use warnings;
use File::Basename qw(dirname);
use Getopt::Long ();
use Pod::Usage ();

require(dirname(__FILE__) . '/facts-lib.pl');
require(dirname(__FILE__) . '/app-lib.pl');

# config_folder() Returns the folder of Webmin's configuration.
sub config_folder { return $ENV{'WEBMIN_CONFIG'} || '/etc/webmin' }

# options(spec, ...) Returns the options of the command line as a hash, read with Getopt::Long. --help prints the command's
# help and exits; a wrong option prints the error and the usage, and exits with 1.
sub options {
    my (@spec) = @_;
    my %given;
    local $SIG{'__WARN__'} = sub { stop_with_usage($_[0]) };
    Getopt::Long::GetOptions(\%given, @spec, 'help') or stop_with_usage('');
    Pod::Usage::pod2usage('-exitval' => 0, '-verbose' => 2, '-noperldoc' => 1) if $given{'help'};
    stop_with_usage("Unknown parameter $ARGV[0]") if @ARGV;
    return %given;
}

# run_in_module(program) Makes this process one of Webmin's, in the folder of the command, for commands that load Webmin's library
# after it. The path of the command's program is absolute.
sub run_in_module {
    my ($program) = @_;
    if (!$ENV{'WEBMIN_CONFIG'}) {
        $ENV{'WEBMIN_CONFIG'} = '/etc/webmin';
        $ENV{'WEBMIN_VAR'}    = '/var/webmin';
    }
    my $folder = dirname($program);
    chdir($folder) or die "$folder: $!";
    no warnings 'once';
    $main::no_acl_check = 1;
    $0 = $program;
}

# stop_with_usage(message) Prints a message and the command's usage to STDERR, and exits with 1.
sub stop_with_usage {
    my ($message) = @_;
    chomp($message);
    Pod::Usage::pod2usage('-exitval' => 1, '-verbose' => 1, '-message' => "$message\n", '-output' => \*STDERR);
}

# stop(message) Prints a message to STDERR, and exits with 1.
sub stop {
    my ($message) = @_;
    print STDERR "$message\n";
    exit(1);
}

# path_segment(text) Returns a text percent-encoded as one segment of a path.
sub path_segment {
    my ($text) = @_;
    utf8::encode($text) if utf8::is_utf8($text);
    $text =~ s/([^A-Za-z0-9_.~-])/sprintf('%%%02X', ord($1))/ge;
    return $text;
}

# request_text(path, socket) Returns the service's answer as it is; on an error prints its message and exits with 1.
sub request_text {
    my ($path, $socket) = @_;
    my ($config, $module) = (config_folder(), dirname(__FILE__));
    $socket //= { module_settings($config, $module) }->{'socket'};
    my ($body, $problem) = get_text($socket, $path, panel_facts($config, $module));
    return $body // stop($problem);
}

# request(path, socket) Returns the service's JSON answer as a reference; on an error prints its message and exits with 1. The
# default socket is that of the module's configuration.
sub request {
    my ($path, $socket) = @_;
    my ($value, $problem) = json_value(request_text($path, $socket));
    stop($problem) if !$value;
    return $value;
}

1;
