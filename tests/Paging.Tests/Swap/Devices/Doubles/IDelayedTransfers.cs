namespace Paging.Tests.Swap.Devices.Doubles;

/// <summary>A double of something on a disk, which holds back what is submitted to it, if it is told to.</summary>
internal interface IDelayedTransfers
{
    /// <summary>Holds back what is submitted from now on.</summary>
    bool DelaysCompletion { get; set; }

    /// <summary>How many transfers are held back.</summary>
    int PendingCount { get; }

    /// <summary>Completes one of them.</summary>
    /// <returns>False when there is none.</returns>
    bool CompleteOne();
}
