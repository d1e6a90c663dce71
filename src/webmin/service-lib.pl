# The app's systemd units.
use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');
require(dirname(__FILE__) . '/system-lib.pl');

our (%text, $module_config_directory);

# Paths on this system. Tests have others.
our %paths = (
    'units'     => '/etc/systemd/system',
    # There if the system was booted with systemd (sd_booted).
    'booted'    => '/run/systemd/system',
    'systemctl' => 'systemctl',
    # The service's data.
    'state'     => '/var/lib/private/virtualmin-mail-setup',
);

my @units = map { "virtualmin-mail-setup.$_" } qw(socket service);

# set_up_service() Writes the units and has systemd listen on the socket. A running service is restarted: it may be that of
# an older version.
sub set_up_service {
    die text('setup_no_systemd') . "\n" if !-d $paths{'booted'};
    my $problem = node_problem();
    die "$text{$problem} " . node_command() . "\n" if $problem;
    my $module = dirname(__FILE__);
    my %value = ('NODE' => has_command('node'), 'MODULE' => $module, 'CONFIG' => $module_config_directory);
    for my $unit (@units) {
        my $text = read_whole("$module/systemd/$unit");
        $text =~ s/\@(NODE|MODULE|CONFIG)\@/$value{$1}/g;
        write_if_changed("$paths{'units'}/$unit", $text, 0644);
    }
    systemctl('daemon-reload');
    # systemd does not start a unit that has failed too often, such as one of an older version, before this.
    eval { systemctl('reset-failed', @units) };
    systemctl('enable', '--now', $units[0]);
    systemctl('try-restart', $units[1]);
}

# remove_service(attempt) Stops the units and removes them. attempt is a function that runs another and notes its error.
sub remove_service {
    my ($attempt) = @_;
    if (-d $paths{'booted'}) {
        for my $unit (grep { -e "$paths{'units'}/$_" } @units) {
            $attempt->(sub { systemctl('disable', '--now', $unit) });
        }
        eval { systemctl('reset-failed', @units) };
    }
    unlink(map { "$paths{'units'}/$_" } @units);
    $attempt->(sub { systemctl('daemon-reload') }) if -d $paths{'booted'};
}

# systemctl(arguments) Runs systemctl; dies with its output if it fails.
sub systemctl {
    my (@arguments) = @_;
    my $command = join(' ', $paths{'systemctl'}, map { quotemeta } @arguments);
    my $output  = `$command 2>&1` // '';
    die "systemctl @arguments: " . ($output || $!) if $?;
}

1;
