# Sets up what the module needs outside its own folder, and removes it again. Each step checks first what is there: run
# again, set-up repairs what is missing and leaves the rest alone.
use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/facts-lib.pl');
require(dirname(__FILE__) . '/app-lib.pl');
require(dirname(__FILE__) . '/account-lib.pl');
require(dirname(__FILE__) . '/plugin-lib.pl');
require(dirname(__FILE__) . '/grants-lib.pl');
require(dirname(__FILE__) . '/service-lib.pl');
require(dirname(__FILE__) . '/usermin-lib.pl');
require(dirname(__FILE__) . '/web-server-lib.pl');

our ($config_directory, $module_config_directory, $module_var_directory, $api_user, %paths);

# Results of the steps so far: array references of a step's name, 1 or 0, and a message.
my @report;

# set_up() Sets everything up, and tests the API with one request through the service. Returns the report: a list of array
# references of a step's name, 1 or 0 for success, and a message.
sub set_up {
    @report = ();
    run_step('account',  sub { set_up_account() });
    run_step('plugin',   sub { add_plugin() });
    run_step('commands', sub { add_commands() });
    run_step('service',  sub { set_up_service() });
    run_step('answers',  sub { set_up_answers() });
    run_step('owners',   sub { grant_module() });
    run_step('usermin',  sub { set_up_usermin() });
    run_step('proof',    sub { test_api() }) if !grep { !$_->[1] && $_->[0] =~ /^(account|service)$/ } @report;
    write_secret(report_file(), join('', map { "$_->[2]\n" } grep { !$_->[1] } @report));
    return @report;
}

# apply_answers() Sets up only the answer service, after the settings have changed. Its error replaces an earlier one in the report
# for the panel.
sub apply_answers {
    @report = ();
    run_step('answers', sub { set_up_answers() });
    my ($begin) = split(/\$2/, text('setup_answers_failed', '$1', '$2'));
    my @lines = -e report_file() ? split(/^/, read_whole(report_file())) : ();
    my @errors = map { $_->[1] ? () : "$_->[2]\n" } @report;
    write_secret(report_file(), join('', (grep { index($_, $begin) != 0 } @lines), @errors));
}

# report_file() Returns the file with the errors of set-up, which the module's pages show.
sub report_file { return "$module_config_directory/setup-report" }

# run_step(name, work) Runs one step and adds it to the report. Its message has the values that the step returns, or the
# error that it died with.
sub run_step {
    my ($name, $work) = @_;
    # Webmin's error() prints a page and exits; with this it dies.
    local $main::error_must_die = 1;
    my @values;
    my $ok = eval { @values = $work->(); 1 };
    my $message = $ok ? text("setup_${name}_ok", $api_user, @values) : text("setup_${name}_failed", $api_user, error_line($@));
    push(@report, [ $name, $ok ? 1 : 0, $message ]);
}

# error_line(error) Returns an error that was died with as one line, without the place in the code.
sub error_line {
    my ($error) = @_;
    $error =~ s/ at \S+ line \d+\.?\s*$//;
    $error =~ s/\s+/ /g;
    $error =~ s/ $//;
    return $error;
}

# test_api() Sends one request through the service to Virtualmin's API; dies with the error message if it fails.
sub test_api {
    my ($value, $problem) = get_json(socket_path(), '/domains.json', panel_facts($config_directory, dirname(__FILE__)));
    die "$problem\n" if !$value;
}

# tear_down() Removes everything that set_up() made. Returns the errors of what could not be removed.
sub tear_down {
    my @errors;
    my $attempt = sub {
        my ($work) = @_;
        local $main::error_must_die = 1;
        eval { $work->(); 1 } or push(@errors, error_line($@));
    };
    # First the web servers: their clients would get errors from a service that has been stopped.
    $attempt->(sub { push(@errors, map { error_line($_) } take_back_all()) });
    remove_service($attempt);
    $attempt->(sub { remove_usermin() });
    $attempt->(sub { remove_plugin(); withdraw_module() });
    $attempt->(sub { remove_account() });
    # Where systemd keeps the data of a service with DynamicUser= it makes a link to it.
    my @state = ($paths{'state'}, "$paths{'state'}-answers");
    for my $folder (@state) {
        (my $link = $folder) =~ s{/private/}{/};
        unlink($link) if -l $link;
    }
    for my $folder (@state, $paths{'snapshot'}, $module_config_directory) {
        $attempt->(sub { remove_folder($folder) if -d $folder });
    }
    # Webmin creates this folder for each module and does not remove it.
    rmdir($module_var_directory);
    return @errors;
}

1;
