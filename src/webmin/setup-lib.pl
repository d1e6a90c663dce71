# Sets up what the module needs outside its own folder, and takes it away again. Each part looks at what is there
# first: run again it mends what is missing and leaves the rest alone.
use strict;
use warnings;
use File::Basename qw(dirname);
require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');

our (%text, %gconfig, $module_name, $config_directory, $module_config_directory, $module_var_directory);

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

# What Virtualmin calls the permission to use this module, in its configuration.
my $available = "avail_$module_name";

# What is to be told: references to a part, whether it is well, and the words for it.
my @report;

# set_up() Sets everything up, and asks the API once to prove it. Returns the report: a list of array references
# of the part, 1 or 0, and what to say of it.
sub set_up {
    @report = ();
    part('account',  sub { set_up_account() });
    part('plugin',   sub { add_plugin() });
    part('commands', sub { add_commands() });
    part('service',  sub { set_up_service() });
    part('owners',   sub { grant() });
    part('proof',    sub { prove() }) if !grep { !$_->[1] && $_->[0] =~ /^(account|service)$/ } @report;
    write_secret("$module_config_directory/setup-report", join('', map { "$_->[2]\n" } grep { !$_->[1] } @report));
    return @report;
}

# part(name, work) Does one part; what it dies with is what failed, and what it returns goes into the words.
sub part {
    my ($name, $work) = @_;
    # Webmin's error() prints a page and ends everything; with this it dies.
    local $main::error_must_die = 1;
    my @said;
    my $done  = eval { @said = $work->(); 1 };
    my $words = $done ? text("setup_${name}_ok", $account, @said) : text("setup_${name}_failed", $account, reason($@));
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
    my $bind   = own_address(%server);
    my $host = $bind =~ /:/ ? "[$bind]" : $bind;
    die text('setup_plain', $bind) . "\n" if !$server{'ssl'} && $bind !~ /^127\.|^::1$/;
    return ($bind, ($server{'ssl'} ? 'https' : 'http') . "://$host:$port");
}

# set_up_account() Makes the account, or mends it, and what the service is told of it.
sub set_up_account {
    mkdir($module_config_directory, 0700) if !-d $module_config_directory;
    my ($address, $url) = api_address();
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
    else {
        limit_rpc();
    }
    chmod(0700, $module_config_directory);
    write_changed("$module_config_directory/service", "VIRTUALMIN_URL=$url\nVIRTUALMIN_USER=$account\n", 0600);
}

# find_account() Returns the account as Webmin has it, a hash reference; nothing where there is none.
sub find_account {
    my ($found) = grep { $_->{'name'} eq $account } webmin_users();
    return $found;
}

# webmin_users() Returns Webmin's users as they are now, a list of hash references. Webmin's read_acl() keeps what it has
# read for the life of the process: a user made since then would have no modules.
sub webmin_users {
    no warnings 'once';
    %main::acl_hash_cache = %main::acl_array_cache = ();
    foreign_require('acl', 'acl-lib.pl');
    return acl::list_users();
}

# is_limited(&account, address) Returns whether an account has Virtualmin alone, from this machine alone.
sub is_limited {
    my ($found, $address) = @_;
    return join(' ', @{ $found->{'modules'} || [] }) eq 'virtual-server' && ($found->{'allow'} // '') eq $address;
}

# limit_rpc() Lets the account in for calls alone, where this Virtualmin takes calls from such an account; others would shut
# it out.
sub limit_rpc {
    my $calls = read_whole(module_root_directory('virtual-server') . '/remote.cgi');
    return if $calls !~ /\$main::allow_rpc_only\s*=\s*1/;
    my %access = get_module_acl($account, '');
    save_module_acl({ %access, 'rpc' => 3 }, $account, '') if ($access{'rpc'} // '') ne '3';
}

# add_plugin() Adds the module to Virtualmin's plugins, and lets the default template give it to owners unless an
# administrator has said no.
sub add_plugin {
    change_virtualmin(sub {
        my ($values) = @_;
        my @plugins = split(' ', $values->{'plugins'} // '');
        $values->{'plugins'} = join(' ', @plugins, $module_name) if !grep { $_ eq $module_name } @plugins;
        $values->{$available} = 1 if ($values->{$available} // '') eq '';
    });
}

# change_virtualmin(change) Gives Virtualmin's configuration, a hash reference, to a function that changes it, and writes
# it where that made a difference.
sub change_virtualmin {
    my ($change) = @_;
    my $path = "$config_directory/virtual-server/config";
    lock_file($path);
    my $done = eval {
        my %values;
        read_file($path, \%values) or die text('setup_no_virtualmin') . "\n";
        my %before = %values;
        $change->(\%values);
        my $differs = keys(%values) != keys(%before) || grep { ($before{$_} // '') ne $values{$_} } keys %values;
        write_file($path, \%values) if $differs;
        1;
    };
    my $error = $@;
    unlock_file($path);
    die $error if !$done;
}

# load_virtualmin() Loads Virtualmin's library. Where it is loaded already it learns of what has changed since: its plugins,
# and what their modules are called.
sub load_virtualmin {
    foreign_require('virtual-server', 'virtual-server-lib.pl');
    my %values;
    read_file("$config_directory/virtual-server/config", \%values) or die text('setup_no_virtualmin') . "\n";
    no warnings 'once';
    for my $key ('plugins', $available) {
        if (defined($values{$key})) { $virtual_server::config{$key} = $values{$key} }
        else { delete($virtual_server::config{$key}) }
    }
    virtual_server::generate_plugins_list($values{'plugins'} // '');
    @virtual_server::list_templates_cache = ();
    virtual_server::set_all_null_print();
}

# add_commands() Has Virtualmin write its command anew, so that it finds those of the module, and looks whether it does.
# Returns its path.
sub add_commands {
    load_virtualmin();
    my ($done, $path) = virtual_server::create_virtualmin_api_helper_command();
    die "$path\n" if !$done;
    my $folder = module_root_directory($module_name);
    die text('setup_not_in_command', $path) . "\n" if read_whole($path) !~ m{(?:^|[ "'])\Q$folder\E(?:$|[ ;"'])}m;
    return $path;
}

# grant() Gives the module to those who manage mailboxes and have not got it: owners of domains with mail, their extra
# admins, and resellers. Where an administrator has said no, in a template or for a domain, it stays no. From then on
# Virtualmin gives it to owners and extra admins itself, whenever it saves one. Returns how many have it, and how many
# domains are kept from it.
sub grant {
    load_virtualmin();
    allow_in_templates();
    my ($wanted, $resellers, $refused) = entitled();
    my @lacking = lacking(@$wanted, @$resellers);
    if (@lacking) {
        my %lacking = map { $_ => 1 } @lacking;
        change_modules(sub { ((grep { $_ ne $module_name } @_), $module_name) }, @lacking);
        # As feature_webmin() says it; a user whom somebody has kept from some of it before keeps that.
        for my $name (@lacking) {
            my %access = get_module_acl($name, $module_name);
            save_module_acl({ %access, 'noconfig' => 1 }, $name, $module_name);
        }
        write_secret("$module_config_directory/resellers",
            join('', map { "$_\n" } resellers_granted(), grep { $lacking{$_} } @$resellers));
        reload_miniserv();
        virtual_server::clear_links_cache();
    }
    my @still = lacking(@$wanted, @$resellers);
    die text('setup_not_granted', join(', ', @still > 5 ? (@still[0 .. 4], '...') : @still)) . "\n" if @still;
    return (@$wanted + @$resellers, scalar(@$refused));
}

# change_modules(change, names) Gives the modules of each of these Webmin users, a list, to a function, and writes what it
# returns: for all of them at once. To have Virtualmin save each owner takes half a second an owner, and Webmin's
# modify_user() writes three files for each.
sub change_modules {
    my ($change, @names) = @_;
    my %named = map { $_ => 1 } @names;
    # Those whom Webmin keeps in a database.
    for my $user (grep { $named{ $_->{'name'} } && $_->{'proto'} } webmin_users()) {
        delete($named{ $user->{'name'} });
        acl::modify_user($user->{'name'}, { %$user, map { $_ => [ $change->(@{ $user->{$_} || [] }) ] } qw(modules ownmods) });
    }
    my $path = acl_filename();
    lock_file($path);
    my @lines = map { /^([^:]+):\s*(.*)/ && $named{$1} ? "$1: " . join(' ', $change->(split(' ', $2))) . "\n" : $_ } split(/^/, read_whole($path));
    write_file_contents($path, join('', @lines));
    unlock_file($path);
    # What a user has besides the modules of a group: Webmin keeps it with its own configuration.
    $path = "$config_directory/config";
    lock_file($path);
    foreign_require('acl', 'acl-lib.pl');
    read_file($path, \my %values);
    for my $key (map { "ownmods_$_" } keys %named) {
        next if !defined($values{$key});
        # Webmin's acl functions write this file whole, from what they have in memory.
        $acl::gconfig{$key} = $gconfig{$key} = $values{$key} = join(' ', $change->(split(' ', $values{$key})));
    }
    write_file($path, \%values);
    unlock_file($path);
}

# allow_in_templates() Adds the module to what a template with a list of its own gives to owners, where that list does not
# have it: a no that an administrator has said is in the list.
sub allow_in_templates {
    for my $template (virtual_server::list_templates()) {
        my $list = $template->{'avail'} // '';
        next if $template->{'standard'} || $list eq '' || defined(listed($list));
        $template->{'avail'} = "$list $module_name=1";
        virtual_server::save_template($template);
    }
}

# entitled() Returns who is to have the module, as array references: the names of the Webmin users who have it through a
# domain, those of resellers, and the names of the domains that may not.
sub entitled {
    my (%mail, @tops);
    for my $d (virtual_server::list_domains()) {
        next if $d->{'alias'};
        push(@tops, $d) if !$d->{'parent'};
        $mail{ $d->{'parent'} || $d->{'id'} } = 1 if $d->{'mail'};
    }
    my (@wanted, @refused);
    for my $d (grep { $_->{'webmin'} && $mail{ $_->{'id'} } } @tops) {
        if (!allow_for_domain($d)) {
            push(@refused, $d->{'dom'});
            next;
        }
        # Virtualmin gives an extra admin the modules of features where the owner has ticked that.
        push(@wanted, $d->{'user'}, map { $_->{'features'} ? $_->{'name'} : () } virtual_server::list_extra_admins($d));
    }
    my %granted = map { $_ => 1 } resellers_granted();
    # One who had it once and has it no more was kept from it.
    my @resellers = grep { !$granted{ $_->{'name'} } || has_module($_, $module_name) } resellers();
    return (\@wanted, [ map { $_->{'name'} } @resellers ], \@refused);
}

# allow_for_domain(&domain) Returns whether the owner of a top-level domain may have the module. On the way to Virtualmin
# 8.2 each domain has a list of its own, made from its template when the domain was: one that was made before the module
# came gets it added.
sub allow_for_domain {
    my ($d) = @_;
    return template_allows($d) if !defined(&virtual_server::get_domain_webmin_avail);
    my $list = virtual_server::get_domain_webmin_avail($d);
    my $said = listed($list);
    return $said if defined($said);
    return 0 if !template_allows($d);
    $d->{'webmin_avail'} = join(' ', $list eq '' ? () : $list, "$module_name=1");
    virtual_server::save_domain($d);
    return 1;
}

# resellers() Returns the Webmin users who are Virtualmin's resellers, as hash references.
sub resellers {
    my @resellers;
    for my $user (grep { has_module($_, 'virtual-server') } webmin_users()) {
        my %access = get_module_acl($user->{'name'}, 'virtual-server');
        push(@resellers, $user) if $access{'reseller'};
    }
    return @resellers;
}

# resellers_granted() Returns the names of the resellers who got the module from here.
sub resellers_granted {
    my $path = "$module_config_directory/resellers";
    return -e $path ? split(/\n/, read_whole($path)) : ();
}

# lacking(names) Returns those Webmin users who have not got the module, by their names. One that does not exist lacks
# nothing.
sub lacking {
    my %named = map { $_ => 1 } @_;
    return map { $_->{'name'} } grep { $named{ $_->{'name'} } && !has_module($_, $module_name) } webmin_users();
}

sub has_module {
    my ($user, $module) = @_;
    return scalar(grep { $_ eq $module } @{ $user->{'modules'} || [] });
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
    # A service that was started in vain too often, such as an older one of ours, is not started again before this.
    eval { systemctl('reset-failed', @units) };
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
    my $attempt = sub {
        my ($work) = @_;
        local $main::error_must_die = 1;
        eval { $work->(); 1 } or push(@failed, reason($@));
    };
    if (-d $place{'booted'}) {
        $attempt->(sub { systemctl('disable', '--now', $_) if -e "$place{'units'}/$_" }) for @units;
        eval { systemctl('reset-failed', @units) };
    }
    unlink(map { "$place{'units'}/$_" } @units);
    $attempt->(sub { systemctl('daemon-reload') }) if -d $place{'booted'};
    $attempt->(sub { withdraw() });
    $attempt->(sub {
        # Without its password it is somebody else's.
        return if !-e "$module_config_directory/api-password" || !find_account();
        acl::delete_user($account);
        reload_miniserv();
    });
    # systemd has a link to it where it keeps the folders of services.
    (my $link = $place{'state'}) =~ s{/private/}{/};
    unlink($link) if -l $link;
    for my $folder ($place{'state'}, $module_config_directory) {
        $attempt->(sub { unlink_file($folder) if -d $folder });
    }
    # Webmin makes a folder for the data of each module, and leaves it.
    rmdir($module_var_directory);
    return @failed;
}

# withdraw() Takes the module away from Virtualmin, its command and its users, and forgets who was to have it.
sub withdraw {
    change_virtualmin(sub {
        my ($values) = @_;
        $values->{'plugins'} = join(' ', grep { $_ ne $module_name } split(' ', $values->{'plugins'} // ''));
        delete($values->{'plugins'}) if $values->{'plugins'} eq '';
        delete($values->{$available});
    });
    load_virtualmin();
    for my $template (grep { !$_->{'standard'} && defined(listed($_->{'avail'})) } virtual_server::list_templates()) {
        $template->{'avail'} = without($template->{'avail'});
        virtual_server::save_template($template);
    }
    for my $d (grep { defined(listed($_->{'webmin_avail'})) } virtual_server::list_domains()) {
        $d->{'webmin_avail'} = without($d->{'webmin_avail'});
        virtual_server::save_domain($d);
    }
    virtual_server::create_virtualmin_api_helper_command();
    virtual_server::clear_links_cache();
    # A master admin's modules are Webmin's own business.
    my %resellers = map { $_ => 1 } resellers_granted();
    my @ours = grep { has_module($_, $module_name) && ($resellers{ $_->{'name'} } || ($_->{'readonly'} // '') eq 'virtual-server') } webmin_users();
    change_modules(sub { grep { $_ ne $module_name } @_ }, map { $_->{'name'} } @ours) if @ours;
}

# without(list) Returns a list of modules, as Virtualmin keeps it, without ours.
sub without {
    my ($list) = @_;
    return join(' ', grep { !/^\Q$module_name\E=/ } split(' ', $list));
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
