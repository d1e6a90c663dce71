# Sets up what the module needs outside its own folder, and takes it away again. Each part looks at what is there
# first: run again it mends what is missing and leaves the rest alone.
use strict;
use warnings;
use File::Basename qw(dirname);
require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');

our (%text, $module_name, $config_directory, $module_config_directory);

# Where things are on this system. A test has them elsewhere.
our %place = (
    'units'     => '/etc/systemd/system',
    'booted'    => '/run/systemd/system',
    'systemctl' => 'systemctl',
    'state'     => '/var/lib/private/virtualmin-mail-setup',
    'module'    => dirname(__FILE__),
    # Seconds that the panel gets to take over an account.
    'settle'    => 2,
);

# The account that the app asks Virtualmin's remote API with.
our $account = 'mail-setup-api';

my @units = map { "virtualmin-mail-setup.$_" } qw(socket service);

# What is to be told: references to a part, whether it is well, and the words for it.
my @report;

# set_up() Sets everything up, and asks the API once to prove it. Returns the report: a list of array references
# of the part, 1 or 0, and what to say of it.
sub set_up {
    @report = ();
    my $new_owners;
    part('account',  sub { set_up_account() });
    part('plugin',   sub { $new_owners = add_plugin(); 1 });
    part('service',  sub { set_up_service() });
    part('owners',   sub { grant_to_owners(); 1 }) if $new_owners;
    part('proof',    sub { prove() }) if !grep { !$_->[1] } @report;
    write_secret("$module_config_directory/setup-report", join('', map { "$_->[2]\n" } grep { !$_->[1] } @report));
    return @report;
}

# part(name, work) Does one part; what it dies with is what failed.
sub part {
    my ($name, $work) = @_;
    my $done  = eval { $work->(); 1 };
    my $words = $done ? text("setup_${name}_ok", $account) : text("setup_${name}_failed", $account, reason($@));
    push(@report, [ $name, $done ? 1 : 0, $words ]);
}

# reason(error) Returns what somebody died with, as one line without the place in the code.
sub reason {
    my ($error) = @_;
    $error =~ s/ at \S+ line \d+\.?\s*$//;
    $error =~ s/\s+/ /g;
    $error =~ s/ $//;
    return $error;
}

# api_address() Returns the address that the panel answers on for itself, and its web address.
sub api_address {
    my %server = read_values("$config_directory/miniserv.conf");
    my $port   = $server{'port'} || 10000;
    my $bind   = $server{'bind'} || '127.0.0.1';
    $bind = '127.0.0.1' if $bind eq '0.0.0.0' || $bind eq '::';
    my $host = $bind =~ /:/ ? "[$bind]" : $bind;
    die text('setup_plain', $bind) . "\n" if !$server{'ssl'} && $bind !~ /^127\.|^::1$/;
    return ($bind, ($server{'ssl'} ? 'https' : 'http') . "://$host:$port");
}

# set_up_account() Makes the account, or mends it, and what the service is told of it.
sub set_up_account {
    mkdir($module_config_directory, 0700) if !-d $module_config_directory;
    my ($address, $url) = api_address();
    foreign_require('acl', 'acl-lib.pl');
    my $password = read_file_line("$module_config_directory/api-password");
    my $old      = find_account();
    die text('setup_not_ours', $account) . "\n" if $old && !defined($password);
    if (!$old || !is_limited($old, $address) || crypt($password, $old->{'pass'}) ne $old->{'pass'}) {
        $password = random_hex(24);
        # First: an account without it would be one that is not ours.
        write_secret("$module_config_directory/api-password", $password);
        my %account = (
            %{ $old || {} },
            'name'    => $account,
            'pass'    => acl::encrypt_password($password),
            'modules' => ['virtual-server'],
            'allow'   => $address,
        );
        delete($account{'deny'});
        if ($old) { acl::modify_user($account, \%account) }
        else { acl::create_user(\%account) }
        my $made = find_account();
        if (!$made || !is_limited($made, $address)) {
            acl::delete_user($account) if $made;
            die text('setup_not_limited', $account) . "\n";
        }
        limit_rpc();
        reload_miniserv();
        sleep($place{'settle'});
    }
    chmod(0700, $module_config_directory);
    write_changed("$module_config_directory/service", "VIRTUALMIN_URL=$url\nVIRTUALMIN_USER=$account\n", 0600);
}

# find_account() Returns the account as Webmin has it, a hash reference; nothing where there is none.
sub find_account {
    my ($found) = grep { $_->{'name'} eq $account } acl::list_users();
    return $found;
}

# is_limited(&account, address) Returns whether an account has Virtualmin alone, from this machine alone.
sub is_limited {
    my ($found, $address) = @_;
    return join(' ', @{ $found->{'modules'} || [] }) eq 'virtual-server' && ($found->{'allow'} // '') eq $address;
}

# limit_rpc() Lets the account in for calls alone, where this Virtualmin takes calls from such an account: before 8.2 it
# would be shut out.
sub limit_rpc {
    my %info = get_module_info('virtual-server');
    my ($major, $minor) = ($info{'version'} // '') =~ /^(\d+)\.(\d+)/ or return;
    return if $major < 8 || ($major == 8 && $minor < 2);
    my %access = get_module_acl($account, '');
    save_module_acl({ %access, 'rpc' => 3 }, $account, '');
}

# add_plugin() Adds the module to Virtualmin's plugins. Returns whether it was not among them.
sub add_plugin {
    return change_plugins(sub { (grep { $_ eq $module_name } @_) ? @_ : (@_, $module_name) });
}

# change_plugins(change) Gives Virtualmin's plugins to a function, and writes what it returns where that differs.
sub change_plugins {
    my ($change) = @_;
    my $path = "$config_directory/virtual-server/config";
    lock_file($path);
    my %values;
    my $done = eval {
        read_file($path, \%values) or die text('setup_no_virtualmin') . "\n";
        my @before = split(/\s+/, $values{'plugins'} // '');
        my $after  = join(' ', $change->(@before));
        if ($after ne join(' ', @before)) {
            $values{'plugins'} = $after;
            write_file($path, \%values);
            return 2;
        }
        1;
    };
    my $error = $@;
    unlock_file($path);
    die $error if !$done;
    return $done == 2;
}

# grant_to_owners() Has Virtualmin save every owner's access, so that those who were there before get the module too.
sub grant_to_owners {
    foreign_require('virtual-server', 'virtual-server-lib.pl');
    virtual_server::set_all_null_print();
    virtual_server::modify_all_webmin();
    virtual_server::run_post_actions();
}

# set_up_service() Writes the units, and has systemd listen. A service that runs is started anew: it may be an older one.
sub set_up_service {
    die text('setup_no_systemd') . "\n" if !-d $place{'booted'};
    my $trouble = node_trouble();
    die "$text{$trouble} " . node_command() . "\n" if $trouble;
    my %value = ('NODE' => has_command('node'), 'MODULE' => $place{'module'}, 'CONFIG' => $module_config_directory);
    for my $unit (@units) {
        my $text = read_whole("$place{'module'}/systemd/$unit");
        $text =~ s/\@(NODE|MODULE|CONFIG)\@/$value{$1}/g;
        write_changed("$place{'units'}/$unit", $text, 0644);
    }
    systemctl('daemon-reload');
    systemctl('enable', '--now', $units[0]);
    systemctl('try-restart', $units[1]);
}

# prove() Asks the API once, through the service.
sub prove {
    my ($value, $problem) = ask_app(socket_path(), '/domains.json', facts($config_directory, $place{'module'}));
    die "$problem\n" if !$value;
}

# take_down() Takes away everything that set_up made. What cannot be taken away is passed over, and said.
sub take_down {
    my @failed;
    my $attempt = sub { my ($work) = @_; eval { $work->(); 1 } or push(@failed, reason($@)) };
    if (-d $place{'booted'}) {
        $attempt->(sub { systemctl('disable', '--now', $_) if -e "$place{'units'}/$_" }) for @units;
    }
    unlink(map { "$place{'units'}/$_" } @units);
    $attempt->(sub { systemctl('daemon-reload') }) if -d $place{'booted'};
    $attempt->(sub { change_plugins(sub { grep { $_ ne $module_name } @_ }) });
    $attempt->(sub {
        foreign_require('acl', 'acl-lib.pl');
        # Without its password it is somebody else's.
        return if !-e "$module_config_directory/api-password" || !find_account();
        acl::delete_user($account);
        reload_miniserv();
    });
    unlink(map { "$module_config_directory/$_" } qw(api-password service form-secret setup-report));
    # systemd has a link to it where it keeps the folders of services.
    $attempt->(sub { unlink_file($place{'state'}) if -d $place{'state'} });
    (my $link = $place{'state'}) =~ s{/private/}{/};
    unlink($link) if -l $link;
    return @failed;
}

# systemctl(arguments) Runs it; dies with what it says where it fails.
sub systemctl {
    my (@arguments) = @_;
    my $command = join(' ', $place{'systemctl'}, map { quotemeta } @arguments);
    my $output  = `$command 2>&1` // '';
    die "systemctl @arguments: " . ($output || $!) if $?;
}

sub read_whole {
    my ($path) = @_;
    open(my $file, '<', $path) or die "$path: $!";
    local $/;
    return <$file>;
}

# read_file_line(file) Returns the first line of a file; nothing where there is none.
sub read_file_line {
    my ($path) = @_;
    open(my $file, '<', $path) or return;
    my $line = <$file>;
    chomp($line) if defined($line);
    return $line;
}

# write_changed(file, text, mode) Writes a file where it is not so already.
sub write_changed {
    my ($path, $text, $mode) = @_;
    write_secret($path, $text) if !-e $path || read_whole($path) ne $text;
    chmod($mode, $path);
}

1;
