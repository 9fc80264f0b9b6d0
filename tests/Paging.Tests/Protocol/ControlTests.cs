#if DEBUG
using Paging.TestSeam;

namespace Paging.Tests.Protocol;

/// <summary>The controls: with one rule broken on purpose, some seed of some scenario fails; with the rule kept, the same seeds pass. A scenario
/// that cannot fail proves nothing.</summary>
[Collection(Alone.Name)]
public sealed class ControlTests(ITestOutputHelper output)
{
    private const int MostSeeds = 3_000;

    private static readonly Dictionary<Mutation, Scenario> s_controls = new()
    {
        [Mutation.DirtyAfterPin] = PageScenarios.WriterAmongReaders,
        [Mutation.EvictPinned] = PageScenarios.WriteLeaseAndEvictors,
        [Mutation.FreeCopyAfterUnpin] = PageScenarios.WriterAndRefill,
        [Mutation.KeepStaleCopy] = PageScenarios.TwoWriters,
        [Mutation.IgnoreVersion] = DirectScenarios.PageBackInItsFrame,
        [Mutation.ForgetVersions] = SparseScenarios.FrameOfAReleasedTable,
        [Mutation.SkipNodeRecheck] = SparseScenarios.NodeOfAnother,
        [Mutation.ReleaseTableInUse] = SparseScenarios.ReleaseAgainstTouch,
        [Mutation.SkipRecheck] = PageScenarios.GetterAndRefill,
        [Mutation.SkipDisposedRecheck] = ClosingScenarios.DisposeAgainstFirstTouch,
        [Mutation.EvictOtherFrame] = PageScenarios.StaleRecord,
        [Mutation.SkipSegmentPin] = StoreScenarios.LoadAndMove,
        [Mutation.SkipDescriptorRecheck] = StoreScenarios.LoadAndMove,
        [Mutation.ReportMovedAsCorrupt] = StoreScenarios.IdReused,
        [Mutation.DemoteUnderReaders] = FileScenarios.WriteAndLoad,
        [Mutation.WriteUnpinned] = FileScenarios.WriteAndEmpty,
        [Mutation.FreeSlotUnderReaders] = FileScenarios.ReaderOfAFreedSlot,
        [Mutation.CountOutUnpinned] = FileScenarios.WriteAndFree,
        [Mutation.ReviveFromZero] = StoreScenarios.LastReference,
        [Mutation.DebitReadLocation] = StoreScenarios.FreeAndMove,
        [Mutation.CreditAfterPublishing] = StoreScenarios.StoresAndSeals,
        [Mutation.RecountUnmoved] = ColdRaceScenarios.FreeAndRecompress,
        [Mutation.RecompressDamaged] = ColdScenarios.Damaged,
        [Mutation.FreeOpenSegment] = StoreScenarios.StoreFreeClean,
        [Mutation.KeepClaimOnFailure] = PageScenarios.CorruptedPage,
        [Mutation.ParkWithoutBit] = PageScenarios.OneFaultForAll,
        [Mutation.WaitWithPins] = WaitingScenarios.SeveralEach,
        [Mutation.NeverHandOver] = WriterScenarios.ByTurns,
        [Mutation.LeaveNextAsleep] = WriterScenarios.ByTurns,
        [Mutation.FullDespiteClaims] = PressureScenarios.FullOnlyWhenTrue,
        [Mutation.UnpinWithoutWaking] = WaitingScenarios.LeasesEnd,
        [Mutation.DirtyLastFrames] = DirectScenarios.ReadsAtTheBrim,
        [Mutation.SpendCleanerReserve] = DirectScenarios.CleaningAtTheBrim,
        [Mutation.ForgetRests] = FileScenarios.WokenByAnother,
        [Mutation.OverlookWriters] = WriterScenarios.RoomInWriters,
        [Mutation.SkipPinCheck] = DirectScenarios.PinGivenBackTwice,
        [Mutation.UncoverDespiteClaims] = WatchScenarios.UncoverAgainstFaults,
        [Mutation.PinAhead] = PrefetchScenarios.ArrayDisposed,
        [Mutation.CompleteUnderWorkers] = PrefetchScenarios.PinsFromAFile,
        [Mutation.ReleaseUnderHandles] = PrefetchScenarios.OwnerOfManyThreads,
        [Mutation.ReviveClosed] = DatasetScenarios.FilesReplaced,
        [Mutation.ShareWithoutRecheck] = CloneScenarios.CopyFreedAndReused,
        [Mutation.KeepVersionWhenStored] = CloneScenarios.StoredInItsFrame,
        [Mutation.UncountedReserve] = DirectScenarios.TwoLogsAtTheBrim,
    };

    public static TheoryData<string> Rules =>
        [.. Enum.GetNames<Mutation>().Where(static name => name != nameof(Mutation.None))];

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_broken_rule_is_noticed(string rule)
    {
        Mutation mutation = Enum.Parse<Mutation>(rule);
        Scenario scenario = s_controls[mutation];
        ScenarioFailedException? failure;
        TestHook.Broken = mutation;
        try
        {
            failure = Exploration.FirstFailure(scenario, MostSeeds);
        }
        finally
        {
            TestHook.Broken = Mutation.None;
        }

        Assert.True(failure is not null, $"'{scenario}' passes {MostSeeds:N0} seeds with {rule} broken");
        output.WriteLine(failure.Message);
        Exploration.AssertHoldsUpTo(scenario, failure.Seed);
    }
}
#endif
