# The systemd units of the app and of the answer service.
use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');
require(dirname(__FILE__) . '/facts-lib.pl');
require(dirname(__FILE__) . '/snapshot-lib.pl');

our (%text, $config_directory, $module_config_directory);

# Paths on this system. Tests have others.
our %paths = (
    'units'     => '/etc/systemd/system',
    # There if the system was booted with systemd (sd_booted).
    'booted'    => '/run/systemd/system',
    'systemctl' => 'systemctl',
    # The service's data.
    'state'     => '/var/lib/private/virtualmin-mail-setup',
    'snapshot'  => snapshot_folder(),
);

my @units = map { "virtualmin-mail-setup.$_" } qw(socket service);

my ($answer_socket, $answer_service, $snapshot_service, $snapshot_timer, $snapshot_path) =
    map { "virtualmin-mail-setup-$_" } qw(answers.socket answers.service snapshot.service snapshot.timer snapshot.path);

my @answer_units = ($answer_socket, $answer_service, $snapshot_service, $snapshot_timer, $snapshot_path);

# set_up_service() Writes the units and has systemd listen on the socket. A running service is restarted: it may be that of
# an older version.
sub set_up_service {
    check_system();
    write_units(@units);
    # systemd does not start a unit that has failed too often, such as one of an older version, before this.
    eval { systemctl('reset-failed', @units) };
    systemctl('enable', '--now', $units[0]);
    systemctl('try-restart', $units[1]);
}

# check_system() Dies if this system lacks what the units need.
sub check_system {
    die text('setup_no_systemd') . "\n" if !-d $paths{'booted'};
    my $problem = node_problem();
    die "$text{$problem} " . node_command() . "\n" if $problem;
}

# write_units(unit, ...) Writes units, with the paths of this host, and has systemd read them.
sub write_units {
    my (@names) = @_;
    my $module = dirname(__FILE__);
    my %value = (
        'NODE'   => has_command('node'),  'PERL'   => $^X,
        'MODULE' => $module,              'CONFIG' => $module_config_directory,
        'WEBMIN' => $config_directory,    'SNAPSHOT' => $paths{'snapshot'},
    );
    for my $unit (@names) {
        my $text = read_whole("$module/systemd/$unit");
        $text =~ s/\@(NODE|PERL|MODULE|CONFIG|WEBMIN|SNAPSHOT)\@/$value{$1}/g;
        write_if_changed("$paths{'units'}/$unit", $text, 0644);
    }
    systemctl('daemon-reload');
}

# answers_wanted() Returns whether the settings let mail clients of any domain be answered.
sub answers_wanted {
    return settings_text(module_settings($config_directory, dirname(__FILE__))) =~ /^\s*client_answers(?:\@\S+)?\s*=\s*(?:login|address)\s*$/m;
}

# set_up_answers() Starts the answer service and its timer if the settings want it, and takes a snapshot; else removes
# them with the snapshot.
# Returns the text that says which.
sub set_up_answers {
    if (!answers_wanted()) {
        remove_units(sub { $_[0]->() }, @answer_units);
        remove_folder($paths{'snapshot'}) if -d $paths{'snapshot'};
        # See state_folder() in web-server-lib.pl.
        my @set_up = glob("$module_config_directory/web-server/*");
        die text('setup_answers_left', 'virtualmin setup-mail-autoconfig --all-domains --undo') . "\n" if @set_up;
        return text('setup_answers_off');
    }
    check_system();
    make_snapshot_folder($paths{'snapshot'});
    write_units(@answer_units);
    eval { systemctl('reset-failed', @answer_units) };
    systemctl('enable', '--now', $answer_socket, $snapshot_timer, $snapshot_path);
    systemctl('try-restart', $answer_service);
    # If one is being taken already, it has the settings from before: then another one follows.
    note_change($paths{'snapshot'});
    # It takes as long as Virtualmin needs to list all users.
    systemctl('start', '--no-block', $snapshot_service);
    return text('setup_answers_on');
}

# remove_service(attempt) Stops the units and removes them. attempt is a function that runs another and notes its error.
sub remove_service {
    my ($attempt) = @_;
    remove_units($attempt, @units, @answer_units);
}

# remove_units(attempt, unit, ...) Stops those units that there are, and removes them. attempt is as in remove_service.
sub remove_units {
    my ($attempt, @names) = @_;
    my @there = grep { -e "$paths{'units'}/$_" } @names;
    return if !@there;
    if (-d $paths{'booted'}) {
        for my $unit (@there) {
            $attempt->(sub { systemctl('disable', '--now', $unit) });
        }
        eval { systemctl('reset-failed', @there) };
    }
    unlink(map { "$paths{'units'}/$_" } @there);
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
