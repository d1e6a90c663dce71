# What the commands share: their options, whose text is the command's own POD, and the way to end.
use strict;
use warnings;
use File::Basename qw(dirname);
use Getopt::Long ();
use Pod::Usage ();

require(dirname(__FILE__) . '/facts-lib.pl');
require(dirname(__FILE__) . '/app-lib.pl');

# config_folder() Returns the folder of Webmin's configuration.
sub config_folder { return $ENV{'WEBMIN_CONFIG'} || '/etc/webmin' }

# options(spec, ...) Returns the options that a command was given, as Getopt::Long reads them, by their names. Ends with the
# command's help where that is asked for, and with what is wrong and how it is called where they are.
sub options {
    my (@spec) = @_;
    my %given;
    local $SIG{'__WARN__'} = sub { stop_with_usage($_[0]) };
    Getopt::Long::GetOptions(\%given, @spec, 'help') or stop_with_usage('');
    Pod::Usage::pod2usage('-exitval' => 0, '-verbose' => 2, '-noperldoc' => 1) if $given{'help'};
    stop_with_usage("Unknown parameter $ARGV[0]") if @ARGV;
    return %given;
}

# stop_with_usage(words) Ends with words, and with how the command is called, on the standard error output.
sub stop_with_usage {
    my ($words) = @_;
    chomp($words);
    Pod::Usage::pod2usage('-exitval' => 1, '-verbose' => 1, '-message' => "$words\n", '-output' => \*STDERR);
}

# stop(words) Ends with words on the standard error output.
sub stop {
    my ($words) = @_;
    print STDERR "$words\n";
    exit(1);
}

# as_path(text) Returns a text as a part of a path.
sub as_path {
    my ($text) = @_;
    utf8::encode($text) if utf8::is_utf8($text);
    $text =~ s/([^A-Za-z0-9_.~-])/sprintf('%%%02X', ord($1))/ge;
    return $text;
}

# ask(path, socket) Returns what the service answers as a reference; ends with its words where that is an error. Without a
# socket it asks where the module's configuration says.
sub ask {
    my ($path, $socket) = @_;
    my ($config, $module) = (config_folder(), dirname(__FILE__));
    $socket //= { module_settings($config, $module) }->{'socket'};
    my ($value, $problem) = ask_app($socket, $path, facts($config, $module));
    stop($problem) if !$value;
    return $value;
}

1;
